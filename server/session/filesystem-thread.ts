/**
 * The filesystem thread: mounts, and then takes request after request. Everything in it is
 * synchronous; it hears of the world only through the helper's socket, /dev/fuse, and ThreadControl.
 */
import { closeSync } from 'node:fs';
import { parentPort, receiveMessageOnPort, workerData, type MessagePort } from 'node:worker_threads';
import type { OpcodeName } from '../../protocol/fuse/opcodes.js';
import { opensConversation } from '../../protocol/libfuse/packets.js';
import { Channel } from '../../protocol/seqpacket/channel.js';
import { SERVER_TIMEOUTS } from '../../protocol/service/server-end.js';
import { confineServing } from '../confinement/confine.js';
import { isConfinementOption } from '../confinement/confinement.js';
import { log } from '../log.js';
import { acceptHelper } from './accept-helper.js';
import { Counters } from './counters.js';
import { fuseDevice, type FuseDevice } from './device.js';
import { advance, refuse, resume, type SessionEnd } from './device-loop.js';
import { isDeliberate } from './failure.js';
import type { FilesystemModule } from './filesystem.js';
import { mountForLibfuse } from './libfuse/mounting.js';
import { mountForHelper, type Mount } from './mounting.js';
import { featureNames } from './negotiation.js';
import { Session } from './session.js';
import { ThreadControl } from './thread-control.js';
import type { MainMessage, ThreadEnd, ThreadMessage, ThreadStart } from './thread-messages.js';

const start = workerData as ThreadStart;
const control = new ThreadControl(start.control);
const counters = new Counters(start.counters);
const gauges = new Float64Array(start.gauges);
let moreMessages = false;
const tell = (message: ThreadMessage): void => parentPort?.postMessage(message);

/** What the module does that a thread is started with: it has the filesystem, and calls this once. */
export function serveFilesystem(module: FilesystemModule): void {
  control.attach();
  tell({ type: 'ended', end: run(module) });
}

function run(module: FilesystemModule): ThreadEnd {
  let channel: Channel | undefined;
  let mounted: Mount;
  try {
    channel = start.listening ? acceptHelper(start.socket, control) : Channel.adopt(start.socket);
    if (channel === undefined) return { reason: 'stopped' };
    tell({ type: 'connected' });
    const mount = opensConversation(channel.peek(SERVER_TIMEOUTS.hello)) ? mountForLibfuse : mountForHelper;
    mounted = mount(channel, module, start.confinement, (source, target) => tell({ type: 'source', source, target }));
  } catch (error) {
    channel?.close();
    return { reason: 'not mounted', message: (error as Error).message };
  }
  tell({ type: 'mounted', statusListener: mounted.statusListener });
  const session = new Session({ ...mounted, counters, failed: logFailure });
  const outcome = guarded(() => serve(mounted, session));
  return closeAll(mounted, session, outcome);
}

/** From INIT to the end. */
function serve({ filesystem, fuse, helper, strict }: Mount, session: Session): SessionEnd {
  const device = fuseDevice(fuse);
  session.request.othersWait = () => device.othersWait();
  while (!session.isReady) {
    const end = step(device, session, fuse);
    if (end === undefined) continue;
    const message = end.reason === 'refused' ? end.message : `the mount ended before it began: ${end.reason}`;
    helper.refuse(message);
    return end;
  }
  control.waitUntilPrepared();
  try {
    confineServing(start.confinement);
  } catch (error) {
    const message = `confinement: ${(error as Error).message}`;
    log('warning', message);
    if (strict) helper.refuse(message);
    if (strict) return { reason: 'refused', message };
  }
  const kernelFeatures = session.connection === undefined ? [] : featureNames(session.connection);
  const { facts, gauges = [], syncMilliseconds, heartbeatMilliseconds } = filesystem;
  tell({ type: 'serving', readOnly: facts.readOnly, kernelFeatures, gauges, syncMilliseconds, heartbeatMilliseconds });
  helper.ready(kernelFeatures);
  for (;;) {
    const end = step(device, session, fuse);
    if (end !== undefined) return end;
  }
}

function step(device: FuseDevice, session: Session, fuse: number): SessionEnd | undefined {
  const end = advance(device, session) ?? hear(device, session);
  if (end !== undefined) return end;
  askForWriteback(session, fuse);
  try {
    session.hearOfFailures();
    session.tend(gauges);
    if (control.takeBeatRequest()) session.beat();
    if (control.takeSyncRequest()) session.sync();
  } catch (error) {
    // What a filesystem cannot make durable is its own affair (errors=); the mount goes on.
    log('error', describe(error));
  }
  return control.stopRequested && !session.awaitsWriteback ? { reason: 'stopped' } : undefined;
}

function askForWriteback(session: Session, fuse: number): void {
  session.askForWriteback((ticket, nodeid, offset, size) => tell({ type: 'write back', ticket, fuse, nodeid, offset, size }));
}

/** Takes notice of what the main thread had to say. */
function hear(device: FuseDevice, session: Session): SessionEnd | undefined {
  for (let message = nextMessage(); message !== undefined; message = nextMessage()) {
    if (message.type === 'remounted') {
      remounted(session, message.options);
      continue;
    }
    const end = resume(device, session, message.ticket);
    if (end !== undefined) return end;
  }
  return undefined;
}

function remounted(session: Session, options: readonly string[]): void {
  try {
    session.remounted(options.filter((option) => !isConfinementOption(option)));
  } catch (error) {
    log('error', `remount: ${describe(error)}`);
  }
}

function nextMessage(): MainMessage | undefined {
  if (!moreMessages && !control.takeMessages()) return undefined;
  const received = receiveMessageOnPort(parentPort as MessagePort) as { readonly message: MainMessage } | undefined;
  moreMessages = received !== undefined;
  return received?.message;
}

/** The kernel waits for this server in a thread of this server, which could not end otherwise: what it writes back is refused. */
function endWritebacks(session: Session, fuse: number): void {
  const device = fuseDevice(fuse);
  askForWriteback(session, fuse);
  while (session.awaitsWriteback && refuse(device, session) === undefined) {
    for (let message = nextMessage(); message !== undefined; message = nextMessage()) {
      if (message.type === 'written back') session.dropWaiting(message.ticket);
    }
  }
}

/** The device is closed last, so that no one finds the mount gone and the filesystem still unwritten. */
function closeAll({ fuse }: Mount, session: Session, outcome: SessionEnd): SessionEnd {
  endWritebacks(session, fuse);
  guarded(() => {
    const device = fuseDevice(fuse);
    session.finishDeferred((length) => device.send(session.reply, length));
    return outcome;
  });
  const closed = guarded(() => {
    session.close();
    return outcome;
  });
  closeSync(fuse);
  return closed;
}

function guarded(act: () => SessionEnd): SessionEnd {
  try {
    return act();
  } catch (error) {
    return { reason: 'failed', message: describe(error) };
  }
}

function logFailure(opcode: OpcodeName, nodeid: number, error: unknown): void {
  log('error', `${opcode} of node ${nodeid}: ${describe(error)}`);
}

/** Where an error is a defect, the stack says more than the message. */
function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return isDeliberate(error) ? error.message : (error.stack ?? error.message).replace(/\n\s*/gu, ' ');
}
