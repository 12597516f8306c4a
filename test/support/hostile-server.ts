/**
 * A server that was taken over and says to the helper what it likes: hostile-server.js SCRIPT MARK, with
 * Act[] as JSON. Whatever it is sent it keeps open; after the script it waits for the helper to leave.
 */
import { fstatSync, type Stats } from 'node:fs';
import { Channel, MAX_PACKET } from '../../protocol/seqpacket/channel.js';
import { SeqpacketError } from '../../protocol/seqpacket/errors.js';
import { fuse4fs } from '../../protocol/service/generated/service.js';

const wire = fuse4fs.service;

export type Act =
  /** Waits for a packet. */
  | 'take'
  /** Sends until nothing more can be sent. */
  | 'flood'
  /** Refuses, and tells with it what it holds. */
  | 'confess'
  /** Sends these bytes, with copies of the first descriptors it was given. */
  | { readonly send: string; readonly descriptors?: number };

/** What `confess` says. */
export interface Confession {
  /** "device:inode" of all descriptors. */
  readonly files: readonly string[];
  /** The device numbers of those that are devices. */
  readonly devices: readonly number[];
}

const PATIENCE = 30_000;
const MOST_DESCRIPTORS = 1024;

function perform(channel: Channel, held: number[], act: Act): void {
  if (act === 'take') held.push(...channel.receive(PATIENCE).descriptors);
  else if (act === 'flood') flood(channel);
  else if (act === 'confess') channel.send(unchecked({ refusal: { code: 'CONFESSION', message: JSON.stringify(confession()) } }), [], PATIENCE);
  else channel.send(Buffer.from(act.send, 'hex'), held.slice(0, act.descriptors ?? 0), PATIENCE);
}

function flood(channel: Channel): void {
  const packet = new Uint8Array(MAX_PACKET).fill(0xff);
  try {
    for (;;) channel.send(packet, [], 0);
  } catch (error) {
    if (!(error instanceof SeqpacketError)) throw error;
  }
}

function confession(): Confession {
  const held = Array.from({ length: MOST_DESCRIPTORS }, (_, fd) => statsOf(fd)).filter((stats) => stats !== undefined);
  return {
    files: held.map(({ dev, ino }) => `${dev}:${ino}`),
    devices: held.filter((stats) => stats.isBlockDevice() || stats.isCharacterDevice()).map(({ rdev }) => rdev),
  };
}

function statsOf(fd: number): Stats | undefined {
  try {
    return fstatSync(fd);
  } catch {
    return undefined;
  }
}

/** Encoded without being checked: a message of service.proto that may hold anything. */
export const unchecked = (message: object): Uint8Array => wire.Packet.encode(wire.Packet.fromObject(message)).finish();

const [, program = '', script] = process.argv;
if (script !== undefined && program.includes('hostile-server')) {
  const channel = Channel.adopt(3);
  const held: number[] = [];
  try {
    for (const act of JSON.parse(script) as Act[]) perform(channel, held, act);
    for (;;) perform(channel, held, 'take');
  } catch (error) {
    if (!(error instanceof SeqpacketError)) throw error;
  }
}
