/** Whether writing to a damaged filesystem left what was sound as sound as before: e2fsck's word, and the contents. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FilesystemError } from '../../server/ext4/errors.js';
import { Filesystem } from '../../server/ext4/filesystem.js';
import { Times } from '../../server/ext4/layout/inode.js';
import { inodeNumber, ROOT_INODE, type InodeNumber } from '../../server/ext4/units.js';
import { Nodes } from '../../server/operations/nodes.js';
import { ROOT_NODEID } from '../../protocol/fuse/header.js';
import { FIRST_PLACE, Tree } from '../../library/tree.js';
import { MemoryDevice } from '../support/memory-device.js';

/** What e2fsck -fn has to say, without what depends on the order of things. */
interface Verdict {
  readonly complaints: readonly string[];
  /** Inodes that it names. */
  readonly inodes: ReadonlySet<number>;
  /** Complaints without their numbers and names. */
  readonly kinds: ReadonlySet<string>;
}

const E2FSCK_SECONDS = 60;
const scratch = join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), `fuse4fs-judge-${process.pid}.img`);

/** Lines that belong to every run, or answer a complaint. */
const ORDINARY = /^(Pass \d|e2fsck \d|.*: (\d+\/\d+ files|\*\*\*\*\*)|\s*$|.*(CREATED|aborted|skipping journal recovery\.?)$|Warning!|.*Running additional passes|Entering|\/\S+: .*(recovering journal|clean))/;
/** What it would do, and that it does not: behind a complaint, or in a line of its own. */
const QUESTION = /(?:[A-Z][a-z ]+\? no|IGNORED\.?)\s*$/;
/** e2fsck sums up; what is behind a wrong sum is in other lines. */
const SUM = /(Free blocks|Free inodes|Directories) count wrong/;
/**
 * Blocks or inodes in use that the bitmaps call free, or that several files have: whoever allocates or
 * writes has to spoil some file. And where e2fsck goes by a backup, it does not look at what we have used.
 */
const DANGEROUS = /bitmap differences:.*\+|[Mm]ultiply-claimed|Duplicate or bad block|conflicts? with|padding|checksum does not match bitmap|bitmap.*(corrupt|checksum)|backup/;

export function verdictOf(bytes: Uint8Array): Verdict | undefined {
  writeFileSync(scratch, bytes);
  const { status, stdout, stderr } = spawnSync('e2fsck', ['-fn', scratch], { encoding: 'latin1', timeout: E2FSCK_SECONDS * 1000, maxBuffer: 1 << 26, env: { ...process.env, LC_ALL: 'C', PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` } });
  rmSync(scratch, { force: true });
  // 8 and above: it gave up itself.
  if (status === null || status >= 8) return undefined;
  if (status === 0) return { complaints: [], inodes: new Set(), kinds: new Set() };
  const complaints = `${stdout}\n${stderr}`.split('\n').map((line) => line.replace(QUESTION, '').trim()).filter((line) => !ORDINARY.test(line));
  return { complaints, inodes: new Set(complaints.flatMap(namedIn)), kinds: new Set(complaints.map(kindOf)) };
}

const kindOf = (line: string): string => line.replace(/'.*?'|\/\S*|\d+|[-+]?\([^)]*\)|\?\?\?/g, '#').replace(/(?:[-+ ,]*#[-+ ,]*)+/g, '#');

const isOnlySums = ({ complaints }: Verdict): boolean => complaints.every((line) => SUM.test(line));

export type Soundness = 'sound' | 'damaged' | 'beyond judging';

export function soundness(before: Verdict | undefined): Soundness {
  if (before === undefined) return 'beyond judging';
  if (isOnlySums(before)) return 'sound';
  return before.complaints.some((line) => DANGEROUS.test(line)) ? 'beyond judging' : 'damaged';
}

/** What e2fsck says after, did not say before, and is not about what was touched. */
export function newDamage(before: Verdict, after: Verdict | undefined, touched: ReadonlySet<number>): string[] {
  if (isOnlySums(before)) {
    if (after === undefined) return ['that it cannot check it any more'];
    return after.complaints.filter((line) => !SUM.test(line) || before.complaints.length === 0);
  }
  // Who changes or deletes a damaged inode frees what that says is its own: bitmaps may follow.
  const isDamageTouched = [...before.inodes].some((inode) => touched.has(inode));
  if (after === undefined) return isDamageTouched ? [] : ['that it cannot check it any more'];
  return after.complaints.filter((line) => {
    if (SUM.test(line)) return false;
    const named = namedIn(line);
    if (named.length > 0) return !named.some((inode) => before.inodes.has(inode) || touched.has(inode));
    return !before.kinds.has(kindOf(line)) && !isDamageTouched;
  });
}

/** By number, or as a path with its number behind. */
const namedIn = (line: string): number[] => [...line.matchAll(/inode #?(\d+)|(?:[/>]\S*|\.\.\.|\?\?\?) \((\d+)\)/gi)].map(([, one, other]) => Number(one ?? other));

const MOST_INODES = 1500;
const MOST_BYTES = 4 << 20;

function open(bytes: Uint8Array): Tree | undefined {
  try {
    return new Tree(Filesystem.open(new MemoryDevice(bytes, true)));
  } catch (error) {
    if (error instanceof FilesystemError) return undefined;
    throw error;
  }
}

/** Of inodes that can be reached: type, size, attributes and contents, as a digest. */
function contentsOf(tree: Tree): Map<number, string> {
  const found = new Map<number, string>();
  const waiting: InodeNumber[] = [ROOT_INODE];
  for (let next = waiting.pop(); next !== undefined && found.size < MOST_INODES; next = waiting.pop()) {
    if (!found.has(next)) found.set(next, digestOf(tree, next, waiting));
    tree.filesystem.trim();
  }
  return found;
}

const UNREADABLE = 'unreadable';
const buffer = new Uint8Array(1 << 20);

function digestOf(tree: Tree, number: InodeNumber, waiting: InodeNumber[]): string {
  const hash = createHash('sha256');
  try {
    // Entries may lead to the journal and its like, which no mount shows.
    const inode = new Nodes(tree.filesystem).get(number === ROOT_INODE ? ROOT_NODEID : number);
    hash.update(`${inode.mode} ${inode.uid} ${inode.links} ${inode.isDirectory ? 0 : inode.size} ${inode.seconds(Times.change)}`);
    for (const [name, value] of tree.xattrs(number)) hash.update(name).update(value);
    if (inode.isDirectory) {
      const { entries } = tree.list(number, FIRST_PLACE, MOST_INODES);
      for (const { name, inode: child } of entries) hash.update(name).update(String(child));
      waiting.push(...entries.map(({ inode: child }) => child));
    } else if (inode.isSymlink) {
      hash.update(tree.readLink(inode));
    } else if (inode.isRegular) {
      for (let offset = 0; offset < Math.min(inode.size, MOST_BYTES); offset += buffer.length) hash.update(buffer.subarray(0, tree.read(number, offset, buffer)));
    }
    return hash.digest('hex');
  } catch (error) {
    if (error instanceof FilesystemError) return UNREADABLE;
    throw error;
  }
}

/** Inodes that were readable, were not touched, and are another now. */
export function changedContents(before: Uint8Array, after: Uint8Array, touched: ReadonlySet<number>): number[] {
  const tree = open(before);
  if (tree === undefined) return [];
  const now = open(after);
  return [...contentsOf(tree)]
    .filter(([inode, digest]) => digest !== UNREADABLE && !touched.has(inode))
    .filter(([inode, digest]) => now === undefined || digestOf(now, inodeNumber(inode), []) !== digest)
    .map(([inode]) => inode);
}
