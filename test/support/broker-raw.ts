/**
 * A caller without manners: broker-raw.js SOCKET CASES, run as some user. Each case is one connection; what comes
 * back is printed as one array of JSON. Descriptors are opened here, with the user's own rights.
 */
import { constants, openSync } from 'node:fs';
import { Channel } from '../../protocol/seqpacket/channel.js';
import { decode, encode } from '../../protocol/broker/codec.js';
import type { Message } from '../../protocol/broker/messages.js';
import { fuse4fs } from '../../protocol/broker/generated/broker.js';

export interface Opening {
  readonly path?: string;
  /** As for open(2); O_RDONLY if left out. */
  readonly flags?: number;
  /** One that was inherited. */
  readonly inherited?: number;
}

export type RawCase = { readonly name: string } & (
  /** Without a mount point: detached. */
  | { readonly mount: { readonly source: Opening; readonly mountPoint?: Opening; readonly namespace?: Opening; readonly options?: readonly string[] }; readonly hangUp?: true }
  | { readonly unmount: { readonly parent: Opening; readonly entry: string } }
  /** Hexadecimal, with so many copies of descriptor 0. */
  | { readonly packet: string; readonly descriptors?: number }
  /** All are sent before the first answer is read. */
  | { readonly together: readonly RawCase[] }
  /** A message with roles of the caller's choice, for as many copies of descriptor 0. */
  | { readonly message: object; readonly descriptors: number }
);

export interface RawAnswer {
  readonly name: string;
  readonly type: string;
  readonly reason?: string;
  readonly message?: string;
  readonly readOnly?: boolean;
  readonly device?: string;
}

/** In milliseconds: longer than a broker on a busy machine needs. */
const PATIENCE = 120_000;

const [socket = '', cases = '[]'] = process.argv.slice(2);

const open = ({ path, flags = constants.O_RDONLY, inherited }: Opening): number => inherited ?? openSync(path ?? '', flags);

function packetOf(one: Exclude<RawCase, { together: unknown }>): { bytes: Uint8Array; descriptors: readonly number[] } {
  if ('packet' in one) return { bytes: Buffer.from(one.packet, 'hex'), descriptors: copies(one.descriptors ?? 0) };
  if ('message' in one) {
    return { bytes: fuse4fs.broker.Packet.encode(fuse4fs.broker.Packet.fromObject(one.message)).finish(), descriptors: copies(one.descriptors) };
  }
  const mountNamespace = open(('mount' in one ? one.mount.namespace : undefined) ?? { path: '/proc/self/ns/mnt' });
  const request: Message = 'mount' in one
    ? {
        type: 'mountRequest',
        descriptors: { source: open(one.mount.source), ...(one.mount.mountPoint && { mountPoint: open(one.mount.mountPoint) }), mountNamespace },
        options: one.mount.options ?? [],
        detached: one.mount.mountPoint === undefined,
        target: '',
      }
    : { type: 'unmountRequest', descriptors: { parent: open(one.unmount.parent), mountNamespace }, name: one.unmount.entry, lazy: false };
  return encode(request);
}

const copies = (count: number): number[] => Array.from({ length: count }, () => 0);

function ask(one: RawCase): RawAnswer[] {
  if ('together' in one) return one.together.map(send).map((answer) => answer());
  return [send(one)()];
}

/** @returns what waits for the answer */
function send(one: RawCase): () => RawAnswer {
  const { name } = one;
  const failed = (error: unknown): RawAnswer => ({ name, type: 'error', message: error instanceof Error ? error.message : String(error) });
  if ('together' in one) throw new Error('not within another one');
  try {
    const { bytes, descriptors } = packetOf(one);
    const channel = Channel.connect(socket, PATIENCE);
    try {
      channel.send(bytes, descriptors, PATIENCE);
    } catch {
      // Turned away already: why is there to be read.
    }
    if ('hangUp' in one) {
      channel.close();
      return () => ({ name, type: 'none' });
    }
    return () => {
      try {
        return { name, ...decode(channel.receive(PATIENCE)) };
      } catch (error) {
        return failed(error);
      } finally {
        channel.close();
      }
    };
  } catch (error) {
    return () => failed(error);
  }
}

process.stdout.write(JSON.stringify((JSON.parse(cases) as RawCase[]).flatMap(ask)));
