/** The kernel gives the number of a mount again as soon as it is unmounted, while its server is still finishing. */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { statusSocketOf, systemRuntime } from '../../helper/mount/runtime.js';
import { run } from '../support/command.js';
import { makeImage, mebibyte } from '../support/image.js';
import { cannotMount, missing } from '../support/machine.js';
import { fuse4fs } from '../support/mount.js';
import { scratchDirectory } from '../support/scratch.js';
import { deviceOf, serverOf } from '../support/server.js';

const isMounted = (target: string): boolean => readFileSync('/proc/self/mountinfo', 'utf8').includes(` ${target} `);

t.test('an unmount leaves the socket of whoever got its number alone', { skip: cannotMount() || missing('mke2fs') }, async (t) => {
  const directory = scratchDirectory(t, 'numbers');
  const image = await makeImage(directory, { size: 8 * mebibyte });
  const target = join(directory, 'mnt');
  mkdirSync(target);
  await run(process.execPath, [fuse4fs, image, target]);
  const socket = statusSocketOf(systemRuntime().mounts ?? '', deviceOf(target));
  const server = await serverOf(target);

  // While the server cannot finish, its number goes to someone else.
  process.kill(server, 'SIGSTOP');
  const unmounting = spawn(process.execPath, [fuse4fs, 'umount', target], { stdio: 'inherit' });
  const ended = new Promise((resolve) => unmounting.on('close', resolve));
  while (isMounted(target)) await run('true', []);
  t.ok(existsSync(socket), 'the server has not finished');
  renameSync(socket, `${socket}.before`);
  writeFileSync(socket, 'of another mount');
  const { ino } = statSync(socket);
  process.kill(server, 'SIGCONT');
  t.equal(await ended, 0, 'the unmount ends well');
  t.equal(statSync(socket, { throwIfNoEntry: false })?.ino, ino, 'the other mount has its socket still');
  rmSync(`${socket}.before`);
  if (statSync(socket, { throwIfNoEntry: false })?.ino === ino) rmSync(socket);
});
