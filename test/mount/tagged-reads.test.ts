/**
 * Files that are cut off, removed and written anew while others read them: whatever a reader gets, it is of the file
 * that it has open. Every 512 bytes say to which file and which place they belong.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { e2fsckComplaints, makeImage, mebibyte } from '../support/image.js';
import { cannotMount } from '../support/machine.js';
import { fuseMount } from '../support/mount.js';
import { scratchDirectory } from '../support/scratch.js';

const WRITERS = 2;
const READERS = 3;
const ROUNDS = 40;
const seed = Number(process.env['FUSE4FS_SEED'] ?? 83);
const program = fileURLToPath(new URL('../support/tagged-files.js', import.meta.url));

/** @returns what it has to complain of */
async function play(role: string, directory: string, number: number): Promise<string> {
  const child = spawn(process.execPath, [program, role, directory, String(seed + number), String(ROUNDS)], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
  const [status] = (await once(child, 'close')) as [number | null];
  return status === 0 ? said : `${role} ${number} ended with ${status}: ${said}`;
}

for (const [name, features] of [['with a journal', []], ['without', ['^has_journal']]] as const) {
  t.test(name, { skip: cannotMount() }, async (t) => {
    t.comment(`seed ${seed}`);
    // So little room that what one has given up is what another gets.
    const image = await makeImage(scratchDirectory(t, 'tagged'), { size: 24 * mebibyte, features, arguments: name === 'without' ? [] : ['-J', 'size=4'] });
    await fuseMount(image, [], async (target) => {
      const directory = join(target, 'files');
      mkdirSync(directory);
      const writers = Array.from({ length: WRITERS }, (_, number) => play('write', directory, number));
      const readers = Array.from({ length: READERS }, (_, number) => play('read', directory, WRITERS + number));
      t.same(await Promise.all([...writers, ...readers]), Array<string>(WRITERS + READERS).fill(''));
    });
    t.equal(await e2fsckComplaints(image), undefined);
  });
}
