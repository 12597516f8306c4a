/** What every test of the matrix does: fill, ask the oracle, ask our mount, compare, and see that nothing was written. */
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { run } from '../support/command.js';
import { fillTree, type Filling } from '../support/fill.js';
import { debugfs, e2fsckComplaints, makeImage } from '../support/image.js';
import { fileDigest, manifestDifferences, treeManifest, type Manifest } from '../support/manifest.js';
import { fuseMount, kernelMount, kernelRefusal } from '../support/mount.js';
import { scratchDirectory } from '../support/scratch.js';
import { debugfsManifest } from '../support/debugfs-manifest.js';
import type { MatrixCase } from './matrix-cases.js';

const shownDifferences = 20;

export function assertSameTree(t: Test, expected: Manifest, found: Manifest, ignored: readonly string[] = []): void {
  const differences = manifestDifferences(expected, found, ignored);
  const shown = differences.slice(0, shownDifferences);
  if (differences.length > shown.length) shown.push(`… and ${differences.length - shown.length} more`);
  t.strictSame(shown, [], `${expected.size} paths are the same`);
}

/** Mounts with the program under test, and fails where a byte of the image has changed meanwhile. */
export async function foundByUs(t: Test, image: string, options: readonly string[] = ['ro']): Promise<Manifest> {
  const before = await fileDigest(image);
  const found = await fuseMount(image, options, treeManifest);
  t.equal(await fileDigest(image), before, 'the image is as it was');
  return found;
}

async function makeEmpty(directory: string, matrixCase: MatrixCase, from?: string): Promise<string> {
  const { recipe, tuneBefore, debugfsBefore } = matrixCase;
  const image = await makeImage(directory, { ...recipe, ...(from !== undefined && { from }) });
  if (tuneBefore) await run('tune2fs', [...tuneBefore, image]);
  if (debugfsBefore) await debugfs(image, debugfsBefore, true);
  return image;
}

const tuneFilled = async (image: string, { tuneAfter }: MatrixCase): Promise<void> => {
  if (tuneAfter) await run('tune2fs', [...tuneAfter, image]);
};

/** The tree that mke2fs -d copies, on a filesystem of default features. */
async function withTemplate<Result>(
  directory: string,
  filling: Filling,
  use: (template: string) => Promise<Result>,
): Promise<Result> {
  const image = await makeImage(directory, { size: 384 << 20 }, 'template');
  await kernelMount(image, [], (target) => fillTree(target, filling));
  const result = await kernelMount(image, ['ro'], use);
  rmSync(image);
  return result;
}

async function compareWithKernel(t: Test, image: string, matrixCase: MatrixCase): Promise<void> {
  await kernelMount(image, [], (target) => fillTree(target, matrixCase.filling));
  await tuneFilled(image, matrixCase);
  t.equal(await e2fsckComplaints(image), undefined, 'e2fsck finds nothing wrong with what the kernel made');
  const expected = await kernelMount(image, ['ro'], treeManifest);
  assertSameTree(t, expected, await foundByUs(t, image));
}

/** Fields that mke2fs -d takes over from the template. */
const copied = new Set(['type', 'mode', 'uid', 'gid', 'size', 'nlink', 'rdev', 'target', 'sha256', 'entries']);
/** Directory sizes are its own, and names that share a symbolic link get one each. */
const notCopied = new Set(['directory size', 'symlink nlink']);

const isCopied = (type: string | undefined, key: string): boolean =>
  key.startsWith('xattr:') || (copied.has(key) && !notCopied.has(`${type ?? ''} ${key}`));

const onlyCopied = (manifest: Manifest): Manifest =>
  new Map([...manifest].map(([path, fields]) => [path, new Map([...fields].filter(([key]) => isCopied(fields.get('type'), key)))]));

/** Where the kernel's driver refuses the image: contents as in the template, the rest as debugfs reads it. */
async function compareWithDebugfs(t: Test, directory: string, matrixCase: MatrixCase): Promise<void> {
  // mke2fs' own lost+found is part of both trees; the smaller htree keeps mke2fs -d from taking minutes.
  const filling = { entries: 1500, extents: 300, ...matrixCase.filling };
  const { image, template } = await withTemplate(directory, filling, async (source) => ({
    image: await makeEmpty(directory, matrixCase, source),
    template: await treeManifest(source),
  }));
  await tuneFilled(image, matrixCase);
  t.equal(await e2fsckComplaints(image), undefined, 'e2fsck finds nothing wrong with what mke2fs made');
  const found = await foundByUs(t, image);
  assertSameTree(t, onlyCopied(template), onlyCopied(found));
  const expected = await debugfsManifest(image, found);
  assertSameTree(t, expected, new Map([...found].map(([path, fields]) => [path, fieldsOf(fields, expected.get(path))])));
}

const fieldsOf = (fields: ReadonlyMap<string, string>, wanted: ReadonlyMap<string, string> | undefined): Map<string, string> =>
  new Map([...fields].filter(([key]) => wanted?.has(key)));

export async function testMatrixCase(t: Test, matrixCase: MatrixCase): Promise<void> {
  const directory = scratchDirectory(t, 'matrix');
  const image = await makeEmpty(directory, matrixCase);
  const refusal = await kernelRefusal(image);
  if (refusal === undefined) return compareWithKernel(t, image, matrixCase);
  t.comment(`the kernel does not mount it, debugfs is the judge: ${refusal.split('\n').slice(1, 2).join('')}`);
  rmSync(join(directory, 'image.img'));
  return compareWithDebugfs(t, directory, matrixCase);
}
