// time limit: 1200 s
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { attempt, run } from '../support/command.js';
import { cannotMount, missing } from '../support/machine.js';
import { fileDigest, treeManifest, type Manifest } from '../support/manifest.js';
import { MemoryDevice } from '../support/memory-device.js';
import { fuseMount, kernelMount } from '../support/mount.js';
import { scratchDirectory } from '../support/scratch.js';
import { serverOf } from '../support/server.js';
import { corpusImages, corpusIsMissing, type CorpusImage } from './corpus.js';
import { exercise } from './exercise.js';

t.setTimeout(1_200_000);

/** Of CPU time, for one operation. */
const MOST_MILLISECONDS = 5000;
/** Node itself, 32 MiB of cached metadata, and buffers. */
const MOST_SERVER_MEMORY = 300 << 20;

t.test('the library reads or refuses every damaged image', { skip: corpusIsMissing() }, (t) => {
  for (const image of corpusImages()) {
    const device = new MemoryDevice(image.contents(), true);
    const { refused, longest } = exercise(device);
    t.ok(longest < MOST_MILLISECONDS, `${image.name}: the longest operation took ${longest.toFixed(0)} ms`);
    if (image.kernel !== 'refused') t.equal(refused, undefined, `${image.name}: what the kernel mounts is opened`);
  }
  t.end();
});

const answersToDamage = new Set(['EUCLEAN', 'EIO', 'EBADMSG']);
const fieldsOfReading = ['stat', 'sha256', 'target', 'entries', 'readdir', 'xattrs', 'map'];

const isError = (value: string | undefined): boolean => value !== undefined && /^E[A-Z]{2,}$/.test(value);

const errorsIn = (manifest: Manifest): { path: string; answer: string }[] =>
  [...manifest].flatMap(([path, fields]) =>
    [...fields]
      .filter(([key, value]) => (fieldsOfReading.includes(key) || key.startsWith('xattr:')) && isError(value))
      .filter(([, value]) => !answersToDamage.has(value))
      .map(([key, value]) => ({ path, answer: `${key} gives ${value}` })),
  );

/** Errors that neither say that something is damaged nor are among the kernel's own for this image: it, too, may list a name and not find it. */
function wrongAnswers(found: Manifest, kernel: Manifest | undefined): string[] {
  const kernelAnswers = new Set(kernel && errorsIn(kernel).map(({ answer }) => answer));
  return errorsIn(found)
    .filter(({ answer }) => !kernelAnswers.has(answer))
    .map(({ path, answer }) => `${path}: ${answer}`);
}

/** Where the reason for refusing is better than what the kernel reads. */
const refusedOnPurpose = new Map([['f_badsymlinks', ['./empty_link: target']]]);

/** What the kernel read and we did not, or differently. */
function unreadByUs(kernel: Manifest, found: Manifest, refused: readonly string[]): string[] {
  return [...kernel].flatMap(([path, fields]) => {
    const ours = found.get(path);
    return ['type', 'size', 'sha256', 'target']
      .filter((key) => !refused.includes(`${path}: ${key}`))
      .filter((key) => fields.has(key) && !isError(fields.get(key)) && fields.get(key) !== ours?.get(key))
      .map((key) => `${path}: ${key} is ${ours?.get(key) ?? 'absent'}, the kernel has ${String(fields.get(key))}`);
  });
}

/** Undefined where the kernel refuses the image. It may replay a journal, so it gets a copy, on a device that can be written. */
async function readByKernel(image: string): Promise<Manifest | undefined> {
  const copy = `${image}.kernel`;
  copyFileSync(image, copy);
  const device = (await run('losetup', ['-f', '--show', copy])).toString().trim();
  try {
    return await kernelMount(device, ['ro', 'errors=continue'], treeManifest);
  } catch {
    return undefined;
  } finally {
    await attempt('losetup', ['-d', device]);
    rmSync(copy);
  }
}

interface MountedImage {
  readonly found: Manifest;
  readonly memory: number;
}

/** Most memory that the server of this mount ever had, in bytes. */
async function serverMemory(target: string): Promise<number> {
  const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${await serverOf(target)}/status`, 'utf8'));
  return Number(peak?.[1]) * 1024;
}

async function readByUs(image: string): Promise<MountedImage | string> {
  try {
    return await fuseMount(image, ['ro'], async (target) => ({ found: await treeManifest(target), memory: await serverMemory(target) }));
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function testMounted(t: Test, image: CorpusImage): Promise<void> {
  const path = join(scratchDirectory(t, 'corpus'), `${image.name}.img`);
  writeFileSync(path, image.contents());
  const before = await fileDigest(path);
  const ours = await readByUs(path);
  t.equal(await fileDigest(path), before, 'not a byte was written');
  if (typeof ours === 'string') {
    t.match(ours, /status 32\nfuse4fs: /, `refused: ${ours.split('\n').at(1) ?? ours}`);
    t.equal(image.kernel, 'refused', 'the kernel refuses it too');
    return;
  }
  const kernel = await readByKernel(path);
  t.strictSame(wrongAnswers(ours.found, kernel), [], 'whatever cannot be read says that it is damaged');
  t.ok(ours.memory < MOST_SERVER_MEMORY, `the server had ${ours.memory >> 20} MiB at most`);
  if (kernel) t.strictSame(unreadByUs(kernel, ours.found, refusedOnPurpose.get(image.name) ?? []), [], 'what the kernel reads is read the same');
}

t.test('every damaged image, mounted beside the kernel', { skip: corpusIsMissing() || cannotMount() || missing('cc', 'losetup') }, async (t) => {
  const only = process.env['FUSE4FS_CORPUS_IMAGE'] ?? '';
  for (const image of corpusImages().filter(({ name }) => name.includes(only))) await t.test(image.name, (t) => testMounted(t, image));
});
