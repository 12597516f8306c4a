/** Who is at the other end, as the kernel saw it when it connected. */
import { readFileSync } from 'node:fs';
import type { Channel } from '../../protocol/seqpacket/channel.js';
import { POLLIN, shim } from '../../protocol/seqpacket/shim.js';

export interface Caller {
  readonly uid: number;
  readonly gid: number;
  readonly pid: number;
  /** Supplementary groups and gid. */
  readonly groups: readonly number[];
  /** For the log. */
  readonly name: string;
  /** False once the process has ended; true where the kernel cannot tell (before 6.5). */
  isAlive(): boolean;
}

export function identify(channel: Channel): Caller {
  const { uid, gid, pid } = channel.peer();
  const groups = [...new Set([gid, ...channel.peerGroups()])];
  const process = channel.peerProcess();
  // A process descriptor becomes readable when its process has ended, whoever has the number then.
  const isAlive = (): boolean => process === undefined || (shim.poll(process, POLLIN, 0) & POLLIN) === 0;
  const name = `uid ${uid} pid ${pid}`;
  return { uid, gid, pid, groups, name, isAlive };
}

/** The name of a number in /etc/passwd or /etc/group; undefined where it has none there. */
export function nameOf(id: number, file: '/etc/passwd' | '/etc/group'): string | undefined {
  const line = readFileSync(file, 'utf8').split('\n').find((entry) => entry.split(':')[2] === String(id));
  return line?.split(':')[0];
}
