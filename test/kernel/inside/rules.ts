/** Each rule about a server's answers: broken once, it gives its error and its name, and the mount goes on. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { attempt } from '../../support/command.js';
import { kernelMessages, withMappedFiles, type MappedFiles } from './mapped-files.js';

const blocks = 16;
const contents = Buffer.alloc(blocks * 4096, 'written through a mapping ');

/** Directly, so that each call asks for a mapping; what was wrong, in the C library's words. */
async function directly(args: readonly string[], input?: string): Promise<{ complaint: string | undefined; data: Buffer }> {
  const { status, stdout, stderr } = await attempt('dd', [...args, 'bs=4096', 'count=1', 'status=none'], input === undefined ? {} : { input });
  return { complaint: status === 0 ? undefined : stderr.trim().split(': ').at(-1), data: stdout };
}

const readDirectly = (file: string, block: number): ReturnType<typeof directly> => directly([`if=${file}`, `skip=${block}`, 'iflag=direct']);
const writeDirectly = (file: string): ReturnType<typeof directly> => directly(['if=/dev/zero', `of=${file}`, 'conv=notrunc', 'oflag=direct']);

const corrupted = 'Structure needs cleaning';

/** Rules that a read shows; each gives EFSCORRUPTED. */
const readRules = ['M1', 'M2', 'M3', 'M4', 'M5', 'M6', 'M7', 'M8', 'M9', 'M10', 'M11', 'M12', 'M13', 'B2', 'B3', 'B4', 'B8'];

async function breakAndRecover(t: Test, { path, lie }: MappedFiles): Promise<void> {
  const file = join(path, 'file');
  writeFileSync(file, contents, { flush: true });
  for (const rule of readRules) {
    await kernelMessages();
    await lie(file, rule);
    t.equal((await readDirectly(file, 8)).complaint, corrupted, `${rule} gives its error`);
    t.match(await kernelMessages(), new RegExp(`rule ${rule} `), `${rule} is named`);
    t.ok((await readDirectly(file, 8)).data.equals(contents.subarray(8 * 4096, 9 * 4096)), `${rule}: the next read is right`);
  }
}

t.setTimeout(120_000);

t.test('answers to reads', async (t) => {
  await withMappedFiles([], async (mount) => breakAndRecover(t, mount));
});

t.test('answers to writes', async (t) => {
  await withMappedFiles([], async ({ path, lie }) => {
    const file = join(path, 'file');
    writeFileSync(file, contents, { flush: true });
    await lie(file, 'B9');
    t.equal((await writeDirectly(file)).complaint, corrupted, 'an unknown device for the write');
    t.match(await kernelMessages(), /rule B9 /);
    await lie(file, 'short');
    t.equal((await writeDirectly(file)).complaint, 'Input/output error', 'a reply that is too short');
    t.equal((await writeDirectly(file)).complaint, undefined, 'the next write is well');
  });
});

t.test('a device that was opened to be read', async (t) => {
  await withMappedFiles(['--read-only-device'], async ({ path }) => {
    const file = join(path, 'file');
    writeFileSync(file, '');
    t.equal((await writeDirectly(file)).complaint, 'Permission denied');
    t.match(await kernelMessages(), /rule B11 /);
  });
});
