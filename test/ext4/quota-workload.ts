import { FilesystemError } from '../../server/ext4/errors.js';
import type { Inode } from '../../server/ext4/inode.js';
import { NameIndex } from '../../server/ext4/layout/xattr.js';
import type { QuotaReport } from '../../server/ext4/quota/quota.js';
import type { QuotaKind } from '../../server/ext4/quota/quota-tree.js';
import type { WritableFilesystem } from '../../server/ext4/writable-filesystem.js';
import type { EntryName } from '../../server/ext4/xattr/entry-editor.js';
import { Exerciser } from '../crash/exerciser.js';
import { debugfs } from '../support/image.js';
import type { Random } from '../support/random.js';

export const KINDS: readonly QuotaKind[] = ['user', 'group', 'project'];

/** mke2fs' words for a filesystem with all three kinds. */
export const ALL_QUOTAS = { features: ['quota', 'project'], extended: ['quotatype=usrquota:grpquota:prjquota'] } as const;

/** Far apart, so that they share no more of the tree than its root; and close together. */
const IDS = [0, 1, 2, 3, 1000, 1001, 65534, 65536, 0x100_0000, 0x7fff_ffff, 0xffff_fffe];

class Undone extends Error {}

/**
 * Random operations on files and directories whose owners, groups, projects and attributes change all
 * the while. Now and then an operation is taken back.
 */
export class QuotaWorkload {
  writable: WritableFilesystem;
  readonly exerciser: Exerciser;
  readonly #random: Random;
  readonly #hasProjects: boolean;

  constructor(writable: WritableFilesystem, random: Random) {
    this.writable = writable;
    this.#random = random;
    this.#hasProjects = writable.filesystem.superblock.features.hasRoCompat('PROJECT') && writable.filesystem.superblock.inodeSize > 128;
    this.exerciser = new Exerciser(writable, random, { names: 20, directories: 8, fileSize: 96 << 10, writeSize: 24 << 10, commits: 30 });
  }

  step(): void {
    this.exerciser.writable = this.writable;
    if (this.#random.below(3) > 0) {
      this.exerciser.step();
      return;
    }
    const { files, directories } = this.exerciser;
    const nodes = this.#random.below(4) === 0 ? directories : files;
    const node = nodes[this.#random.below(nodes.length)];
    if (node === undefined) return;
    const undo = this.#random.below(6) === 0;
    try {
      this.writable.change(() => {
        this.#change(this.writable.filesystem.inode(node.number));
        if (undo) throw new Undone();
      });
    } catch (error) {
      if (!(error instanceof Undone) && !(error instanceof FilesystemError && error.code === 'OPERATION')) throw error;
    }
    this.writable.filesystem.trim();
  }

  #change(inode: Inode): void {
    switch (this.#random.below(this.#hasProjects ? 4 : 3)) {
      case 0:
        this.writable.setOwner(inode, this.#id(), this.#id());
        break;
      case 1:
        // Few different values, so that blocks and inodes of attributes are shared.
        this.#setAttribute(inode, this.#random.below(3), this.#random.below(3), [30, 700, 3000, 9000][this.#random.below(4)] as number);
        break;
      case 2:
        this.writable.attributes.remove(inode, attributeName(this.#random.below(3)), true);
        break;
      case 3:
        this.writable.setProject(inode, this.#id());
        break;
    }
  }

  #setAttribute(inode: Inode, name: number, fill: number, length: number): void {
    this.writable.attributes.set(inode, attributeName(name), new Uint8Array(length).fill(65 + fill), 0, length, 0, true);
  }

  #id(): number {
    return this.#random.below(3) === 0 ? this.#random.below(400) : (IDS[this.#random.below(IDS.length)] as number);
  }
}

function attributeName(number: number): EntryName {
  return { index: NameIndex.USER, bytes: Buffer.from(`name${number}`), offset: 0, length: 5 };
}

const byId = (one: string, other: string): number => Number.parseInt(one, 10) - Number.parseInt(other, 10);

/** Everyone's usage as the filesystem says, with limits of space in KiB, as they are stored. */
export function accounts({ quotas }: WritableFilesystem): Record<string, string[]> {
  return Object.fromEntries(KINDS.map((kind) => [kind, [...(quotas?.[kind]?.all() ?? [])].map(asLine)]));
}

const asLine = ({ id, space, spaceSoft, spaceHard, inodes, inodesSoft, inodesHard }: QuotaReport): string =>
  [id, space, spaceSoft / 1024, spaceHard / 1024, inodes, inodesSoft, inodesHard].join(' ');

/** The same lines from debugfs, which lists them by place. */
export async function accountsByDebugfs(image: string, kinds: readonly QuotaKind[] = KINDS): Promise<Record<string, string[]>> {
  const found: Record<string, string[]> = {};
  for (const kind of kinds) {
    const lines = (await debugfs(image, [`list_quota ${kind}`])).split('\n');
    found[kind] = lines.filter((line) => /^[\s\d]+$/.test(line) && line.trim() !== '').map((line) => line.trim().replaceAll(/\s+/g, ' ')).sort(byId);
  }
  return found;
}
