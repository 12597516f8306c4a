/** A broker on a socket in a directory of its own, and users to ask it. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { attempt, run, type Output } from './command.js';
import { makeImage, mebibyte, type ImageRecipe } from './image.js';
import { fuse4fs } from './mount.js';
import { inOwnMountNamespace } from './namespace.js';
import type { RawAnswer, RawCase } from './broker-raw.js';
import { projectRoot } from './native.js';
import { scratchDirectory } from './scratch.js';

/** Users without a name, so that none of the machine's is touched. */
export const ALICE = 64_001;
export const BOB = 64_002;

export class TestBroker {
  readonly directory: string;
  readonly socket: string;
  readonly mounts: string;
  readonly #policy: string;
  readonly #words: readonly string[];
  #process: ChildProcess | undefined;
  #log = '';

  private constructor(directory: string, words: readonly string[]) {
    this.#words = words;
    this.directory = directory;
    this.socket = join(directory, 'helper.sock');
    this.mounts = join(directory, 'mounts');
    this.#policy = join(directory, 'helper.json');
  }

  /** @param words for a directory, more arguments of the broker */
  static async start(t: Test, words = (_: string): readonly string[] => []): Promise<TestBroker> {
    const directory = scratchDirectory(t, 'broker');
    chmodSync(directory, 0o755);
    const broker = new TestBroker(directory, words(directory));
    await broker.#start();
    t.teardown(() => broker.stop());
    return broker;
  }

  async #start(): Promise<void> {
    const { socket, mounts, directory } = this;
    const words = ['--socket', socket, '--policy', this.#policy, '--mounts', mounts, '--server', join(directory, 'no-server.sock'), '--records', join(directory, 'records'), ...this.#words];
    const child = spawn(process.execPath, [join(projectRoot, 'dist/helper/broker/main.cjs'), ...words], { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#process = child;
    await new Promise<void>((resolve, reject) => {
      child.on('exit', () => reject(new Error(`the broker ended: ${this.#log}`)));
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        this.#log += text;
        if (this.#log.includes('listening\n')) resolve();
      });
    });
  }

  async stop(): Promise<void> {
    const child = this.#process;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'close');
    child.kill();
    await gone;
    for (const target of mountsBeneath(this.directory)) await attempt('umount', ['-l', target]);
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  /** Waits until that was said. */
  async says(what: RegExp): Promise<RegExpExecArray> {
    for (;;) {
      const found = what.exec(this.#log);
      if (found !== null) return found;
      const stderr = this.#process?.stderr ?? undefined;
      if (stderr === undefined) throw new Error(`the broker has not said it: ${this.#log}`);
      await once(stderr, 'data');
    }
  }

  /** What the broker and its attendants have said. */
  get log(): string {
    return this.#log;
  }

  policy(policy: object | string): void {
    writeFileSync(this.#policy, typeof policy === 'string' ? policy : JSON.stringify(policy), { mode: 0o644 });
  }

  /** A directory of the user's, with an image whose root is the user's too, and a mount point. */
  async home(uid: number, name: string, recipe: ImageRecipe = {}): Promise<{ directory: string; image: string; target: string }> {
    const directory = join(this.directory, name);
    const target = join(directory, 'mnt');
    mkdirSync(target, { recursive: true });
    const image = await makeImage(directory, { size: 8 * mebibyte, blockSize: 1024, extended: [`root_owner=${uid}:${uid}`], ...recipe });
    for (const path of [directory, target, image]) chownSync(path, uid, uid);
    return { directory, image, target };
  }

  /** Runs a command as a user who knows where the broker is. */
  as(uid: number, command: string, ...words: string[]): Promise<Output> {
    return attempt('setpriv', [...asUser(uid), 'env', `FUSE4FS_HELPER=${this.socket}`, command, ...words]);
  }

  fuse4fs(uid: number, ...words: string[]): Promise<Output> {
    return this.as(uid, process.execPath, fuse4fs, ...words);
  }

  /** Without the client that checks before it asks. Descriptor 0 is a pipe, descriptor 3 is /dev/fuse. */
  async raw(uid: number, cases: readonly RawCase[], ...within: string[]): Promise<ReadonlyMap<string, RawAnswer>> {
    const program = join(projectRoot, 'dist/test/support/broker-raw.js');
    const words = [...asUser(uid), ...within, process.execPath, program, this.socket, JSON.stringify(cases)];
    const script = ['sh', '-c', ': | "$@" 3<>/dev/fuse', 'sh', 'setpriv', ...words] as const;
    // A namespace of a user's own has copies of mounts which that user cannot take out of it.
    const [command, parameters] = within[0] === 'unshare' ? inOwnMountNamespace(...script) : [script[0], script.slice(1)];
    const answers = JSON.parse((await run(command, parameters)).toString()) as RawAnswer[];
    return new Map(answers.map((answer) => [answer.name, answer]));
  }

  async mustRun(uid: number, command: string, ...words: string[]): Promise<string> {
    return (await run('setpriv', [...asUser(uid), 'env', `FUSE4FS_HELPER=${this.socket}`, command, ...words])).toString();
  }
}

export const asUser = (uid: number): string[] => [`--reuid=${uid}`, `--regid=${uid}`, '--clear-groups'];

export const mountsBeneath = (directory: string): string[] =>
  readFileSync('/proc/self/mountinfo', 'utf8').split('\n').map((line) => line.split(' ')[4] ?? '').filter((target) => target.startsWith(`${directory}/`)).reverse();

export const isMounted = (target: string): boolean => readFileSync('/proc/self/mountinfo', 'utf8').split('\n').some((line) => line.split(' ')[4] === target);

