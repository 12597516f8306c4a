/** Runs exercise-tree on a mount, and lets e2fsck and the kernel judge what is left. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { attempt } from '../support/command.js';
import { e2fsckComplaints, makeImage, mebibyte, type ImageRecipe } from '../support/image.js';
import { manifestDifferences, treeManifest, type Manifest } from '../support/manifest.js';
import { fuseMount, kernelMount } from '../support/mount.js';
import { nativeProgram } from '../support/native.js';

export interface TreeKind {
  readonly name: string;
  readonly recipe: ImageRecipe;
  /**
   * There will be no space for what the kernel has cached: writing back fails, close(2) says so, and the
   * kernel goes on showing its size (fuse_change_attributes_common()). We are asked after a remount.
   */
  readonly isTight?: boolean;
}

const size = 512 * mebibyte;

export const treeKinds: readonly TreeKind[] = [
  { name: 'ext4', recipe: { size } },
  { name: 'inline data, ea_inode, orphan_file, 1 KiB blocks', recipe: { blockSize: 1024, features: ['inline_data', 'ea_inode', 'orphan_file'], size } },
  { name: 'ext2, 1 KiB blocks, inodes of 128 bytes', recipe: { type: 'ext2', blockSize: 1024, arguments: ['-I', '128'], size } },
  { name: 'nearly full', recipe: { blockSize: 1024, arguments: ['-N', '1024', '-J', 'size=1'], size: 8 * mebibyte }, isTight: true },
  { name: 'bigalloc', recipe: { features: ['bigalloc'], arguments: ['-C', '16384'], size } },
  { name: 'ext3', recipe: { type: 'ext3', size } },
  { name: 'no journal', recipe: { features: ['^has_journal'], size } },
];

export interface TreeRun {
  readonly seed: number;
  readonly processes: number;
  readonly seconds: number;
}

export interface TreeResult {
  readonly problems: readonly string[];
  /** How operations ended in one of the processes. */
  readonly outcomes: string;
}

/**
 * A mount that may be written answers that all is data, and the kernel counts cached pages of
 * unwritten blocks: where the holes are is compared by tests of images at rest.
 */
const INCOMPARABLE = ['map'];
const MOST_DIFFERENCES = 10;
/**
 * While the kernel caches writes it keeps a file's times itself. Where it has just sent them for one process,
 * and then asks for another's fallocate or truncate, the server stores its own: a moment later.
 */
const MOMENT = 0.1;

function isNotable(difference: string): boolean {
  const [, found, expected] = /: [mc]time is ([\d.]+), should be ([\d.]+)$/.exec(difference) ?? [];
  return found === undefined || Math.abs(Number(found) - Number(expected)) > MOMENT;
}


export async function exerciseTree(directory: string, { name, recipe, isTight = false }: TreeKind, { seed, processes, seconds }: TreeRun): Promise<TreeResult> {
  const image = await makeImage(directory, recipe, name.replace(/\W+/g, '-'));
  const program = await nativeProgram('exercise-tree');
  const problems: string[] = [];
  let outcomes = '';
  let ours: Manifest = new Map();
  // Without it the manifest changes what it has shown.
  await fuseMount(image, ['noatime', 'nodev'], async (target) => {
    const tree = join(target, 'tree');
    mkdirSync(tree);
    const { status, stdout } = await attempt(program, [tree, seed, processes, seconds].map(String));
    outcomes = stdout.toString().trim();
    if (status !== 0) problems.push(`exercise-tree ended with ${String(status)}: ${outcomes}`);
    ours = await treeManifest(target);
  });
  if (isTight) ours = await fuseMount(image, ['ro'], treeManifest);
  const complaints = await e2fsckComplaints(image);
  if (complaints !== undefined) problems.push(complaints);
  await kernelMount(image, ['ro'], async (target) => {
    problems.push(...manifestDifferences(await treeManifest(target), ours, INCOMPARABLE).filter(isNotable).slice(0, MOST_DIFFERENCES));
    const { status, stdout } = await attempt(program, ['--verify', target]);
    if (status !== 0) problems.push(`the kernel reads what no file holds: ${stdout.toString()}`);
  });
  return { problems, outcomes };
}
