/** A user and a mount namespace that a user without rights has made, until it is left. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Test } from 'tap';
import { StatusConnection } from '../../helper/mount/status-client.js';
import { asUser, type TestBroker } from './broker.js';
import { attempt, run, type Output } from './command.js';
import { inOwnMountNamespace } from './namespace.js';
import { fuse4fs } from './mount.js';

/** The usual: its maker is root in it, and nobody else is. */
const AS_ROOT = ['--user', '--map-root-user', '--mount'];

export class UserNamespace {
  readonly #holder: ChildProcess;
  readonly #uid: number;
  readonly #environment: readonly string[];

  private constructor(holder: ChildProcess, uid: number, environment: readonly string[]) {
    this.#holder = holder;
    this.#uid = uid;
    this.#environment = environment;
  }

  /** `words` are unshare's. */
  static async make(t: Test, broker: TestBroker, uid: number, words: readonly string[] = AS_ROOT): Promise<UserNamespace> {
    const [command, parameters] = inOwnMountNamespace('setpriv', ...asUser(uid), 'unshare', ...words, 'sh', '-c', 'echo ready; exec cat');
    const holder = spawn(command, parameters, { stdio: ['pipe', 'pipe', 'inherit'] });
    const space = new UserNamespace(holder, uid, ['env', `FUSE4FS_HELPER=${broker.socket}`]);
    t.teardown(() => space.leave());
    const [first] = (await Promise.race([once(holder.stdout, 'data'), once(holder, 'exit')])) as unknown[];
    if (String(first) !== 'ready\n') throw new Error('no user namespace');
    return space;
  }

  get pid(): number {
    return this.#holder.pid ?? 0;
  }

  /** Words before a command of its maker's that runs it in here. */
  get entering(): string[] {
    return ['nsenter', `--target=${this.pid}`, '--user', '--mount', '--preserve-credentials'];
  }

  attempt(command: string, ...words: string[]): Promise<Output> {
    return attempt('setpriv', this.#words(command, words));
  }

  async run(command: string, ...words: string[]): Promise<string> {
    return (await run('setpriv', this.#words(command, words))).toString();
  }

  fuse4fs(...words: string[]): Promise<Output> {
    return this.attempt(process.execPath, fuse4fs, ...words);
  }

  /** @returns the device number of the mount */
  async mount(source: string, target: string, ...words: string[]): Promise<string> {
    const { result } = JSON.parse(await this.run(process.execPath, fuse4fs, '--json', source, target, ...words)) as { result: { device: string } };
    return result.device;
  }

  /** Its last process ends, and with it all that was mounted in it. */
  async leave(): Promise<void> {
    if (this.#holder.exitCode !== null || this.#holder.signalCode !== null) return;
    const gone = once(this.#holder, 'exit');
    this.#holder.stdin?.end();
    await gone;
  }

  #words(command: string, words: readonly string[]): string[] {
    return [...asUser(this.#uid), ...this.entering, ...this.#environment, command, ...words];
  }
}

/** Resolves when the server of a mount has ended. */
export async function serverEnd({ mounts }: TestBroker, device: string): Promise<() => Promise<void>> {
  const socket = createConnection(join(mounts, `${device}.sock`)).on('data', () => undefined);
  const closed = once(socket, 'close');
  await once(socket, 'connect');
  return async () => void (await closed);
}

const LONGEST = 60_000;
const INTERVAL = 10;

/** Resolves when nobody serves a mount of the broker's any more. Of the number nothing can be told: another mount may have it by then. */
export async function forgotten({ mounts }: TestBroker, device: string): Promise<void> {
  for (const deadline = performance.now() + LONGEST; isServed(join(mounts, `${device}.sock`)); await delay(INTERVAL)) {
    if (performance.now() > deadline) throw new Error(`${device} is still served`);
  }
}

function isServed(socket: string): boolean {
  const connection = StatusConnection.open(socket, LONGEST);
  if (connection === 'dead' || connection === 'absent') return false;
  if (connection !== 'unreachable') connection.close();
  return true;
}
