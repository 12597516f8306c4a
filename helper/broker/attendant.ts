/**
 * One process for one connection: takes the request, answers it, ends. What a caller's descriptors lead to may
 * let whoever touches them wait for ever, and closing them is touching, too; so nobody else does.
 *
 * attendant.cjs POLICY MOUNTS SERVICE-SOCKET RECORDS DEVICES OTHERS, with the connection as descriptor 3
 */
import { Channel } from '../../protocol/seqpacket/channel.js';
import { closeDescriptors } from '../../protocol/seqpacket/descriptors.js';
import { SeqpacketError } from '../../protocol/seqpacket/errors.js';
import { decode, descriptorsOf, encode } from '../../protocol/broker/codec.js';
import type { Answer, Message } from '../../protocol/broker/messages.js';
import { HandshakeError } from '../../protocol/packets/errors.js';
import { MountError } from '../mount/errors.js';
import { identify, type Caller } from './caller.js';
import { ejectFor } from './eject.js';
import { log } from '../log.js';
import { mountFor } from './mount.js';
import { readPolicy } from './policy.js';
import { unmountFor } from './unmount.js';

/** The packet was there before this process was; the caller has to take its answer. */
const PATIENCE = 2000;

const [policyPath = '', mounts = '', serviceSocket = '', records = '', devices = '', others = '0'] = process.argv.slice(2);
const channel = Channel.adopt(3);
const caller = identify(channel);

void attend();

async function attend(): Promise<never> {
  try {
    answer(await serve(decode(channel.receive(PATIENCE))));
  } catch (error) {
    answer(refusalFor(error));
  }
  process.exit(0);
}

async function serve(request: Message): Promise<Answer> {
  switch (request.type) {
    case 'mountRequest': {
      const policy = readPolicy(policyPath);
      const mounted = await mountFor({ caller, policy, runtime: { mounts, serviceSocket }, others: Number(others) }, request);
      log('notice', `${caller.name}: mounted ${mounted.source} on ${mounted.target}, device ${mounted.device}${mounted.readOnly ? ', read-only' : ''}`);
      return mounted;
    }
    case 'unmountRequest': {
      const unmounted = await unmountFor(caller, request, mounts);
      log('notice', `${caller.name}: unmounted ${unmounted.target}`);
      return unmounted;
    }
    case 'ejectRequest': {
      const ejected = await ejectFor(caller, request, { records, devices });
      log('notice', `${caller.name}: ${ejected.how} ${ejected.disk}`);
      return ejected;
    }
    default:
      closeDescriptors(descriptorsOf(request));
      throw new HandshakeError('UNEXPECTED', `${request.type} is not a request`);
  }
}

function refusalFor(error: unknown): Answer {
  const { code, reason, message, hint } = asMountError(error, caller);
  log(code === 'INTERNAL' ? 'warning' : 'info', `${caller.name}: refused (${reason}): ${message}`);
  return { type: 'refusal', code, reason, message, hint };
}

function asMountError(error: unknown, { name }: Caller): MountError {
  if (error instanceof MountError) return error;
  if (error instanceof HandshakeError || error instanceof SeqpacketError) return new MountError('USAGE', error.message, '', 'PROTOCOL');
  log('warning', `${name}: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  return new MountError('INTERNAL', 'the broker failed', 'its journal says how: journalctl -u fuse4fs-helper');
}

function answer(message: Answer): void {
  try {
    const { bytes, descriptors } = encode(message);
    channel.send(bytes, descriptors, PATIENCE);
  } catch (error) {
    log('info', `${caller.name}: took no answer: ${error instanceof Error ? error.message : String(error)}`);
  }
}
