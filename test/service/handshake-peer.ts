/** The other end, as a process of its own: takes a socket and a script from descriptor 3, acts, reports, waits for the next. */
import { closeSync, fstatSync, openSync, readFileSync, readdirSync } from 'node:fs';
import { getSystemErrorName } from 'node:util';
import { Channel } from '../../protocol/seqpacket/channel.js';
import { closeDescriptors } from '../../protocol/seqpacket/descriptors.js';
import { SeqpacketError } from '../../protocol/seqpacket/errors.js';
import { decode, descriptorsOf } from '../../protocol/service/codec.js';
import type { Message } from '../../protocol/service/messages.js';
import { ServerEnd } from '../../protocol/service/server-end.js';
import { sendUnchecked } from './handshake-raw.js';
import { samples } from './handshake-samples.js';
import type { Report, SendStep, Step } from './handshake-script.js';

const PATIENCE = 60_000;
const O_CLOEXEC = 0o2000000;
const openDescriptors = () => readdirSync('/proc/self/fd').length;

const control = Channel.adopt(3);
try {
  for (;;) {
    const { bytes, descriptors: [fd = -1] } = control.receive(PATIENCE);
    const report = act(fd, JSON.parse(Buffer.from(bytes).toString()) as Step[]);
    control.send(Buffer.from(JSON.stringify(report)), [], PATIENCE);
  }
} catch (error) {
  if (!(error instanceof SeqpacketError && error.code === 'CLOSED')) throw error;
}

function act(fd: number, script: readonly Step[]): Report {
  const before = openDescriptors() - 1;
  const seen = { taken: [] as Message[], files: [] as string[], closeOnExec: [] as boolean[] };
  const channel = Channel.adopt(fd);
  let sendFailed: string | undefined;
  try {
    for (const step of script) perform(step, channel, seen);
  } catch (error) {
    if (!(error instanceof SeqpacketError)) throw error;
    if (error.errno !== 0) sendFailed = getSystemErrorName(-error.errno);
  }
  channel.close();
  return { ...seen, ...(sendFailed !== undefined && { sendFailed }), leaked: openDescriptors() - before };
}

interface Seen {
  readonly taken: Message[];
  readonly files: string[];
  readonly closeOnExec: boolean[];
}

function perform(step: Step, channel: Channel, seen: Seen): void {
  switch (step.do) {
    case 'send':
      return send(channel, step);
    case 'take':
      return take(channel, seen);
    case 'stall':
      for (;;) take(channel, seen);
    case 'close':
      return channel.close();
    case 'die':
      process.kill(process.pid, 'SIGKILL');
      return;
    case 'serve':
      return serve(channel, step.journal, seen);
  }
}

function send(channel: Channel, { hex, padding = 0, descriptors: count }: SendStep): void {
  const bytes = Buffer.concat([Buffer.from(hex, 'hex'), Buffer.alloc(padding)]);
  const descriptors = Array.from({ length: count }, () => openSync('/dev/null', 'r'));
  try {
    sendUnchecked(channel, bytes, descriptors);
  } finally {
    closeDescriptors(descriptors);
  }
}

function take(channel: Channel, seen: Seen): void {
  look(decode(channel.receive(PATIENCE)), seen);
}

/** Notes a message and closes its descriptors. */
function look(message: Message, { taken, files, closeOnExec }: Seen): void {
  taken.push(message);
  for (const fd of descriptorsOf(message)) {
    const { dev, ino } = fstatSync(fd);
    files.push(`${dev}:${ino}`);
    const flags = /^flags:\s*(\d+)/mu.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1] ?? '0';
    closeOnExec.push((parseInt(flags, 8) & O_CLOEXEC) !== 0);
    closeSync(fd);
  }
}

function serve(channel: Channel, journal: boolean, seen: Seen): void {
  const end = ServerEnd.accept(channel);
  look(end.source(), seen);
  if (journal) look(end.needJournal(samples.needJournal), seen);
  look(end.mountPlan(samples.mountPlan), seen);
  end.ready(samples.ready);
  end.close();
}
