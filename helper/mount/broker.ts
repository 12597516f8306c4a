/** Mounting and unmounting through the broker, for users who may not: everything is opened here, with our own rights. */
import { constants, openSync } from 'node:fs';
import { constants as osConstants } from 'node:os';
import { basename, dirname } from 'node:path';
import { decode, descriptorsOf, encode } from '../../protocol/broker/codec.js';
import type { Answer, Ejected, MessageType, Mounted, Request } from '../../protocol/broker/messages.js';
import { Channel } from '../../protocol/seqpacket/channel.js';
import { closeDescriptors } from '../../protocol/seqpacket/descriptors.js';
import { SeqpacketError } from '../../protocol/seqpacket/errors.js';
import { HandshakeError } from '../../protocol/packets/errors.js';
import { isMountErrorCode, MountError } from './errors.js';
import { isInInitialUserNamespace } from './identity.js';
import { openMountPoint } from './mount-point.js';
import type { MountOptions } from './options.js';
import type { Broker } from './runtime.js';
import { openForBroker } from './source.js';

const CONNECT_TIMEOUT = 5000;
/** Journals may take long to recover; the broker gives up before we do. */
const ANSWER_TIMEOUT = 200_000;

const { EACCES, ECONNREFUSED, ENOENT, ENOTDIR, EPERM } = osConstants.errno;
const NOBODY_LISTENS: readonly number[] = [EACCES, ECONNREFUSED, ENOENT, ENOTDIR];

/** A connection for one request; undefined where there is no broker for us. */
export function connectToBroker(broker: Broker | undefined): Channel | undefined {
  if (broker === undefined) return undefined;
  try {
    return Channel.connect(broker.socket, CONNECT_TIMEOUT);
  } catch (error) {
    if (error instanceof SeqpacketError && NOBODY_LISTENS.includes(error.errno)) return undefined;
    throw new MountError('SYSTEM', `cannot connect to the broker: ${error instanceof Error ? error.message : String(error)}`);
  }
}

export interface BrokerMount {
  readonly source: string;
  readonly target: string;
  readonly options: MountOptions;
}

/** In a user namespace we attach it ourselves: whoever is root in there may do that, and the broker does not. */
export function mountThroughBroker(channel: Channel, wanted: BrokerMount): Mounted {
  const point = openMountPoint(wanted.target);
  try {
    if (isInInitialUserNamespace()) return askForMount(channel, wanted, { mountPoint: point.descriptor });
    const mounted = askForDetached(channel, { ...wanted, target: point.path });
    try {
      point.attach(mounted.mount);
    } catch (error) {
      throw error instanceof MountError && error.errno === EPERM ? notRoot() : error;
    } finally {
      closeDescriptors([mounted.mount]);
    }
    return mounted;
  } finally {
    channel.close();
    point.close();
  }
}

const notRoot = (): MountError =>
  new MountError('PERMISSION', 'only root of a user namespace can mount in it', 'podman unshare and unshare -Urm make you that', undefined, EPERM);

/** The mount is the taker's to attach and to close. `target` is only a word for messages. */
export function askForDetached(channel: Channel, wanted: BrokerMount): Mounted & { readonly mount: number } {
  try {
    const mounted = askForMount(channel, wanted, undefined);
    const { mount } = mounted.descriptors;
    if (mount === undefined) throw new MountError('SYSTEM', 'the broker has sent no mount');
    return { ...mounted, mount };
  } finally {
    channel.close();
  }
}

/** Without a mount point: detached. */
function askForMount(channel: Channel, { source: given, target, options }: BrokerMount, point: { readonly mountPoint: number } | undefined): Mounted {
  const own: number[] = [];
  const keep = (descriptor: number): number => own[own.push(descriptor) - 1] ?? -1;
  try {
    const source = openForBroker(given, options.flags.readOnly);
    keep(source.descriptor);
    const { path } = options.helper.journal;
    const journal = path === undefined ? {} : { journal: keep(openForBroker(path, options.flags.readOnly).descriptor) };
    const descriptors = { source: source.descriptor, ...point, mountNamespace: keep(openNamespace()), ...journal };
    const words = options.words.filter((word) => !word.startsWith('journal_path='));
    const detached = point === undefined;
    return ask(channel, { type: 'mountRequest', descriptors, options: words, detached, target: detached ? target : '' }, 'mounted');
  } finally {
    closeDescriptors(own);
  }
}

export function unmountThroughBroker(channel: Channel, target: string, lazy: boolean): void {
  const own: number[] = [];
  const keep = (descriptor: number): number => own[own.push(descriptor) - 1] ?? -1;
  try {
    const parent = keep(openSync(dirname(target), O_PATH | constants.O_DIRECTORY));
    const mountNamespace = keep(openNamespace());
    ask(channel, { type: 'unmountRequest', descriptors: { parent, mountNamespace }, name: basename(target), lazy }, 'unmounted');
  } finally {
    channel.close();
    closeDescriptors(own);
  }
}

/** Of a device that was mounted for us as it was plugged in. */
export function ejectThroughBroker(channel: Channel, { name, powerOff }: { readonly name: string; readonly powerOff: boolean }): Omit<Ejected, 'type'> {
  try {
    const { disk, how } = ask(channel, { type: 'ejectRequest', name, powerOff }, 'ejected');
    return { disk, how };
  } finally {
    channel.close();
  }
}

const O_PATH = 0o10000000;

const openNamespace = (): number => openSync('/proc/self/ns/mnt', constants.O_RDONLY);

/** Until then the broker counts this request: who asks for something else at once could be refused for it. */
function awaitEnd(channel: Channel): void {
  try {
    closeDescriptors(channel.receive(CONNECT_TIMEOUT).descriptors);
  } catch {
    // It has ended, or takes long; what was asked for is answered.
  }
}

function ask<Type extends MessageType>(channel: Channel, request: Request, expected: Type): Extract<Answer, { type: Type }> {
  try {
    const { bytes, descriptors } = encode(request);
    try {
      channel.send(bytes, descriptors, CONNECT_TIMEOUT);
    } catch (error) {
      // Turned away before we spoke: why is there to be read.
      if (!(error instanceof SeqpacketError) || error.code !== 'CLOSED') throw error;
    }
    const answer = decode(channel.receive(ANSWER_TIMEOUT));
    awaitEnd(channel);
    if (answer.type === expected) return answer as Extract<Answer, { type: Type }>;
    closeDescriptors(descriptorsOf(answer));
    if (answer.type !== 'refusal') throw new MountError('SYSTEM', `the broker answered with ${answer.type}`);
    const { code, message, hint, reason } = answer;
    throw new MountError(isMountErrorCode(code) ? code : 'SYSTEM', message, hint, reason);
  } catch (error) {
    if (error instanceof SeqpacketError || error instanceof HandshakeError) throw new MountError('SYSTEM', `the broker does not answer: ${error.message}`);
    throw error;
  }
}
