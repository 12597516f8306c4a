/**
 * Accepts, counts, and gives each connection that has sent something to an attendant. It reads nothing itself,
 * and waits for nobody: with 10,000 connections at the door it goes on serving who may be served.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { encode } from '../../protocol/broker/codec.js';
import type { Channel } from '../../protocol/seqpacket/channel.js';
import { closeDescriptors } from '../../protocol/seqpacket/descriptors.js';
import type { Listener } from '../../protocol/seqpacket/listener.js';
import { POLLIN, shim } from '../../protocol/seqpacket/shim.js';
import { Accounts, LIMITS } from './limits.js';
import { log } from '../log.js';

export interface Reception {
  readonly listener: Listener;
  readonly policy: string;
  readonly mounts: string;
  readonly serviceSocket: string;
  /** What became of devices that were plugged in. */
  readonly records: string;
  /** A directory for each block device that is there. */
  readonly devices: string;
  /** Ends when nobody was there for so many milliseconds; never if undefined. */
  readonly idle: number | undefined;
}

interface Visitor {
  readonly channel: Channel;
  readonly uid: number;
  readonly pid: number;
  readonly since: number;
  /** Its request is there, and waits for its turn. */
  hasSpoken: boolean;
}

interface Attended {
  readonly visitor: Pick<Visitor, 'uid' | 'pid'>;
  readonly process: ChildProcess;
  /** Readable when the process has ended. */
  readonly descriptor: number;
  readonly since: number;
}

/** For the first packet, and for one's turn. */
const WAITING_TIME = 10_000;
/** Longer than anything that a mount may take. */
const ATTENDED_TIME = 180_000;
const TICK = 1000;
const ADMITTED_AT_ONCE = 64;
/** A line in the log for each of so many connections that were turned away. */
const TURNED_AWAY_PER_LINE = 1000;

/** Nothing more is expected of who has spoken; poll(2) leaves out what is negative. */
const awaited = ({ channel, hasSpoken }: Visitor): number => (hasSpoken ? -1 : channel.fd);

const attendant = fileURLToPath(new URL('./attendant.cjs', import.meta.url));

export async function receive(reception: Reception): Promise<void> {
  const accounts = new Accounts(LIMITS);
  let waiting: Visitor[] = [];
  let attended: Attended[] = [];
  let turnedAway = 0;
  let busyUntil = performance.now();

  for (;;) {
    const fds = Int32Array.from([reception.listener.fd, ...attended.map(({ descriptor }) => descriptor), ...waiting.map(awaited)]);
    const occurred = new Int32Array(fds.length);
    shim.pollMany(fds, occurred, TICK);
    // What Node has to do about children that have ended.
    await new Promise((resolve) => setImmediate(resolve));
    const now = performance.now();

    attended = attended.filter((one, index) => stays(one, occurred[1 + index] ?? 0, now));
    const spoke = occurred.subarray(fds.length - waiting.length);
    waiting = waiting.filter((visitor, index) => waits(visitor, (spoke[index] ?? 0) !== 0, now));
    if (occurred[0]) admit(now);

    if (!accounts.isIdle) busyUntil = now;
    if (reception.idle !== undefined && now - busyUntil > reception.idle) return;
  }

  function admit(now: number): void {
    // A bounded number at a time, so that who waits is not forgotten over those who come.
    for (let count = 0; count < ADMITTED_AT_ONCE; count++) {
      const channel = next();
      if (channel === undefined) return;
      const { uid, pid } = channel.peer();
      if (accounts.enter(uid, now)) waiting.push({ channel, uid, pid, since: now, hasSpoken: false });
      else turnAway({ channel, uid, pid }, 'too many connections wait already');
    }
  }

  function next(): Channel | undefined {
    try {
      return reception.listener.acceptWaiting();
    } catch (error) {
      log('warning', error instanceof Error ? error.message : String(error));
      return undefined;
    }
  }

  function waits(visitor: Visitor, speaks: boolean, now: number): boolean {
    const { channel, uid, since } = visitor;
    visitor.hasSpoken ||= speaks;
    const turn = visitor.hasSpoken ? accounts.attend(uid, now) : 'later';
    if (turn === 'later') {
      if (now - since < WAITING_TIME) return true;
      accounts.leave(uid, now);
      turnAway(visitor, visitor.hasSpoken ? 'the broker is busy' : 'nothing was asked for in time');
    } else if (turn === 'too many') {
      accounts.leave(uid, now);
      turnAway(visitor, 'too many requests');
    } else {
      attend(visitor, turn, now);
      channel.close();
    }
    return false;
  }

  function attend({ channel, uid, pid }: Visitor, others: number, now: number): void {
    const words = [...process.execArgv, attendant, reception.policy, reception.mounts, reception.serviceSocket, reception.records, reception.devices, String(others)];
    const child = spawn(process.execPath, words, { stdio: ['ignore', 'ignore', 'inherit', channel.fd], cwd: '/' });
    child.on('error', (error) => log('warning', `cannot start an attendant: ${error.message}`));
    const descriptor = child.pid === undefined ? -1 : shim.pidfdOpen(child.pid);
    if (descriptor < 0) {
      child.kill('SIGKILL');
      accounts.done(uid, now);
      return;
    }
    attended.push({ visitor: { uid, pid }, process: child, descriptor, since: now });
  }

  /** A process that is killed while it waits for a caller's own filesystem stays, and stays its user's. */
  function stays({ visitor, process: child, descriptor, since }: Attended, events: number, now: number): boolean {
    if ((events & POLLIN) !== 0) {
      closeDescriptors([descriptor]);
      accounts.done(visitor.uid, now);
      return false;
    }
    if (now - since > ATTENDED_TIME && !child.killed) {
      log('warning', `uid ${visitor.uid} pid ${visitor.pid}: given up after ${ATTENDED_TIME / 1000} s`);
      child.kill('SIGKILL');
    }
    return true;
  }

  function turnAway({ channel, uid, pid }: Pick<Visitor, 'channel' | 'uid' | 'pid'>, message: string): void {
    if (turnedAway++ % TURNED_AWAY_PER_LINE === 0) log('info', `uid ${uid} pid ${pid}: turned away, ${message} (${turnedAway} in all)`);
    try {
      channel.send(encode({ type: 'refusal', code: 'SYSTEM', reason: 'BUSY', message, hint: 'try again later' }).bytes, [], 0);
    } catch {
      // It has gone, or does not listen.
    }
    channel.close();
  }
}
