/** The kernel gives the number of a mount again as soon as it is unmounted, while its server is still finishing. */
import { spawn, spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { readMounts } from '../../helper/mount/mountinfo.js';
import { statusSocketOf, systemRuntime } from '../../helper/mount/runtime.js';
import { listenForStatus } from '../../helper/mount/status-listener.js';
import { run } from '../support/command.js';
import { makeImage, mebibyte } from '../support/image.js';
import { cannotMount, missing } from '../support/machine.js';
import { fuse4fs } from '../support/mount.js';
import { scratchDirectory } from '../support/scratch.js';
import { deviceOf, serverOf } from '../support/server.js';

const skip = cannotMount() || missing('mke2fs');
/** Longer, in milliseconds, than an unmount waits before it asks whether someone else holds the filesystem. */
const LONGER_THAN_PATIENCE = 4500;

const isMounted = (target: string): boolean => readMounts().some((entry) => entry.target === target);

interface Unmounting {
  readonly directory: string;
  readonly target: string;
  /** What the mount had, and has no more. */
  readonly device: string;
  readonly socket: string;
  /** Lets the server finish. @returns what the unmount says */
  finish(): Promise<{ readonly status: unknown; readonly said: string }>;
}

/** A mount that is gone while its server cannot finish. */
async function unmounting(t: Test): Promise<Unmounting> {
  const directory = scratchDirectory(t, 'numbers');
  const image = await makeImage(directory, { size: 8 * mebibyte });
  const target = join(directory, 'mnt');
  mkdirSync(target);
  await run(process.execPath, [fuse4fs, image, target]);
  const device = deviceOf(target);
  const socket = statusSocketOf(systemRuntime().mounts ?? '', device);
  const server = await serverOf(target);
  process.kill(server, 'SIGSTOP');
  t.teardown(() => existsSync(`/proc/${server}`) && process.kill(server, 'SIGCONT'));
  const child = spawn(process.execPath, [fuse4fs, 'umount', '--json', target], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
  const ended = new Promise((resolve) => child.on('close', resolve));
  while (isMounted(target)) await run('true', []);
  return {
    directory, target, device, socket,
    finish: async () => {
      process.kill(server, 'SIGCONT');
      return { status: await ended, said };
    },
  };
}

/** A FUSE mount that nobody serves: it has a number all the same. */
function mountUnserved(t: Test, target: string): void {
  mkdirSync(target);
  const fuse = openSync('/dev/fuse', 'r+');
  const options = 'fd=3,rootmode=40000,user_id=0,group_id=0';
  const { status, stderr } = spawnSync('mount', ['-i', '-n', '-t', 'fuse', '-o', options, 'unserved', target], { stdio: ['ignore', 'ignore', 'pipe', fuse], encoding: 'utf8' });
  t.teardown(() => {
    closeSync(fuse);
    spawnSync('umount', ['-l', target]);
  });
  if (status !== 0) throw new Error(stderr);
}

/** Takes a number that is free. @returns false if somebody else was quicker */
function takeNumber(t: Test, { directory, device }: Unmounting): boolean {
  const taken = (): string | undefined => readMounts().find((entry) => entry.device === device)?.target;
  // The kernel gives the lowest that is free.
  for (let other = 0; taken() === undefined; other++) mountUnserved(t, join(directory, `other-${other}`));
  return taken()?.startsWith(`${directory}/`) === true;
}

/** As unmounting(), with another mount that has got its number. */
async function unmountingWithSuccessor(t: Test): Promise<Unmounting> {
  for (;;) {
    const gone = await unmounting(t);
    if (takeNumber(t, gone)) return gone;
    await gone.finish();
  }
}

t.test('an unmount leaves the socket of whoever got its number alone', { skip }, async (t) => {
  const { device, socket, finish } = await unmountingWithSuccessor(t);
  t.ok(existsSync(socket), 'the server has not finished');
  const successor = listenForStatus(systemRuntime().mounts, device);
  t.teardown(() => successor?.discard());
  const { ino } = statSync(socket);
  t.equal((await finish()).status, 0, 'the unmount ends well');
  t.equal(statSync(socket, { throwIfNoEntry: false })?.ino, ino, 'the other mount has its socket still');
});

t.test('an unmount waits for its server although someone else gets its number', { skip }, async (t) => {
  const { finish } = await unmountingWithSuccessor(t);
  await pause(LONGER_THAN_PATIENCE);
  const { status, said } = await finish();
  t.equal(status, 0);
  t.match(JSON.parse(said), { result: { serverEnded: true }, warnings: [] }, 'what is mounted under that number now is not what it has unmounted');
});
