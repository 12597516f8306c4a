/**
 * The power is cut while the kernel writes the data of files by itself, with IOENDs outstanding: after any journal
 * recovery, ours, e2fsck's and the kernel's, each file has what was synced, a size that it had, and nothing of others.
 */
import { mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { FIRST_PLACE, Tree } from '../../../library/tree.js';
import { ROOT_INODE } from '../../../server/ext4/units.js';
import { Filesystem } from '../../../server/ext4/filesystem.js';
import { repairsTooMuch } from '../../crash/crash-points.js';
import { openWritable } from '../../crash/images.js';
import { makeUsedImage, type SimulatedRecipe } from '../../iomap/simulated-mount.js';
import { attempt, run } from '../../support/command.js';
import { dataThroughServer } from '../../support/data-requests.js';
import { e2fsckComplaints } from '../../support/image.js';
import { kernelMount } from '../../support/mount.js';
import { mountsForIomap } from '../../support/mount-source.js';
import { MemoryDevice } from '../../support/memory-device.js';
import { projectRoot } from '../../support/native.js';
import { Random } from '../../support/random.js';
import type { RecordingDevice } from '../../support/recording-device.js';
import { scratchDirectory } from '../../support/scratch.js';
import { ServedMount } from '../../support/served-mount.js';
import { CrashScript } from './crash-script.js';
import { recordDisk } from './recorded-disk.js';

t.setTimeout(3_600_000);

const seed = Number(process.env['FUSE4FS_SEED'] ?? 640);
const CRASHES = Number(process.env['FUSE4FS_CRASHES'] ?? 60);
const OPERATIONS = 500;
/** Every so-manieth crash is recovered by e2fsck and by the kernel, too. */
const OTHERS_SHARE = 4;
const MOST_SURPRISES = 3;

interface Kind extends SimulatedRecipe {
  readonly name: string;
  readonly extents: boolean;
}

const kinds: readonly Kind[] = [
  { name: 'ext4, 1 KiB blocks', blockSize: 1024, size: 16, arguments: ['-J', 'size=1', '-N', '256'], extents: true },
  { name: 'ext4, 4 KiB blocks', blockSize: 4096, size: 24, arguments: ['-J', 'size=4', '-N', '256'], extents: true },
  { name: 'bigalloc', blockSize: 1024, size: 16, features: 'bigalloc', arguments: ['-C', '8192', '-J', 'size=1', '-N', '256'], extents: true },
  { name: 'inline data', blockSize: 1024, size: 16, features: 'inline_data', arguments: ['-I', '1024', '-J', 'size=1', '-N', '256'], extents: true },
  { name: 'ext3, 1 KiB blocks', type: 'ext3', blockSize: 1024, size: 16, arguments: ['-J', 'size=1', '-N', '256'], extents: false },
];

type Found = ReadonlyMap<string, Uint8Array>;

function filesOf(filesystem: Filesystem): Found {
  const tree = new Tree(filesystem);
  const found = new Map<string, Uint8Array>();
  for (let place: number | undefined = FIRST_PLACE; place !== undefined; ) {
    const batch = tree.list(ROOT_INODE, place, 1000);
    for (const { name, inode } of batch.entries) {
      if (!tree.inode(inode).isRegular) continue;
      const contents = new Uint8Array(tree.fileSize(inode));
      tree.read(inode, 0, contents);
      found.set(name.toString(), contents);
    }
    place = batch.next;
  }
  return found;
}

const filesBelow = (target: string): Found =>
  new Map(readdirSync(target, { withFileTypes: true }).filter((entry) => entry.isFile()).map(({ name }) => [name, new Uint8Array(readFileSync(join(target, name)))]));

interface Moment {
  /** Numbers of the last operation that had begun, and of the last that had ended. */
  readonly begun: number;
  readonly ended: number;
}

function momentOf({ recording }: RecordingDevice, position: number): Moment {
  const marks = recording.marksBefore(position).map((mark) => mark.split(' '));
  const last = (kind: string): number => Number(marks.findLast(([word]) => word === kind)?.[1] ?? -1);
  return { begun: last('begin'), ended: last('end') };
}

interface Crash {
  readonly position: number;
  readonly unflushed: 'lost' | 'kept' | 'sampled';
  readonly seed: number;
}

/** Two thirds at flushes, the rest anywhere. */
function chooseCrashes({ recording }: RecordingDevice, random: Random): Crash[] {
  const start = recording.events.findIndex(({ kind }) => kind === 'mark');
  const flushes = recording.flushes.filter((flush) => flush > start);
  return Array.from({ length: CRASHES }, (_, index): Crash => {
    const crash = { seed: random.word(), position: flushes[random.below(flushes.length)] ?? start + 1 };
    if (index % 3 === 0) return { ...crash, position: start + 1 + random.below(recording.length - start), unflushed: 'sampled' };
    const unflushed = (['kept', 'lost', 'sampled'] as const)[random.below(3)] ?? 'lost';
    return { ...crash, position: crash.position - (unflushed === 'kept' ? 0 : 1), unflushed };
  });
}

/** @returns what is wrong after a recovery; undefined where all is well */
async function examine(script: CrashScript, device: RecordingDevice, crash: Crash, path: string): Promise<string | undefined> {
  const bytes = device.after(crash.position, crash.unflushed === 'sampled' ? new Random(crash.seed) : crash.unflushed);
  const { begun, ended } = momentOf(device, crash.position);
  const strange = (found: Found): string | undefined => script.strange(found, begun, ended)[0];

  const ours = bytes.slice();
  const writable = openWritable(new MemoryDevice(ours), 1 << 20);
  const surprise = strange(filesOf(writable.filesystem));
  writable.close();
  if (surprise !== undefined) return surprise;
  writeFileSync(path, ours);
  const complaints = await e2fsckComplaints(path);
  if (complaints !== undefined) return `after our recovery: ${complaints}`;
  if (crash.seed % OTHERS_SHARE !== 0) return undefined;

  writeFileSync(path, bytes);
  const { status, stdout } = await attempt('e2fsck', ['-f', '-y', path]);
  const said = stdout.toString();
  if ((status ?? 8) > 1 || repairsTooMuch(said)) return `e2fsck -fy, status ${String(status)}: ${said}`;
  const repaired = strange(filesOf(Filesystem.open(MemoryDevice.of(path))));
  if (repaired !== undefined) return `after e2fsck's recovery: ${repaired}`;

  writeFileSync(path, bytes);
  const kernel = await kernelMount(path, [], (target) => Promise.resolve(strange(filesBelow(target))));
  return kernel === undefined ? undefined : `after the kernel's recovery: ${kernel}`;
}

for (const { name, extents, ...recipe } of kinds.filter(({ name }) => name.includes(process.env['FUSE4FS_KIND'] ?? ''))) {
  t.test(name, async (t) => {
    const directory = scratchDirectory(t, 'power');
    const image = await makeUsedImage(directory, 'image', recipe);
    const hasInline = recipe.features === 'inline_data';
    const script = new CrashScript(seed, OPERATIONS, extents, hasInline);
    const target = join(directory, 'mnt');
    mkdirSync(target);
    const device = await recordDisk(directory, image, async ({ device, marks }) => {
      const mount = new ServedMount(t, device, target, mountsForIomap ? [] : ['iomap=on']);
      await mount.mount();
      await run('python3', [join(projectRoot, 'test', 'kernel', 'inside', 'crash-script.py'), target, marks], { input: JSON.stringify(script.operations) });
      if (!hasInline) t.strictSame(await dataThroughServer(target), [], 'the kernel has moved all data itself');
      t.strictSame(script.strange(filesBelow(target), OPERATIONS, OPERATIONS), [], 'the mount shows what was written');
      await mount.unmount();
    });
    const last = await examine(script, device, { position: device.recording.length, unflushed: 'lost', seed: 0 }, join(directory, 'last.img'));
    t.equal(last, undefined, 'after the unmount all is there');

    const surprises: string[] = [];
    for (const crash of chooseCrashes(device, new Random(seed))) {
      if (surprises.length === MOST_SURPRISES) break;
      const surprise = await examine(script, device, crash, join(directory, 'crashed.img')).catch((error: Error) => error.stack);
      if (surprise !== undefined) surprises.push(`event ${crash.position} of ${device.recording.length}, unflushed writes ${crash.unflushed} (${crash.seed}): ${surprise}`);
    }
    t.comment(`seed ${seed}: ${CRASHES} crashes of ${device.recording.flushes.length} flushes and ${device.recording.length} events`);
    t.strictSame(surprises, [], 'what was synced is there, nothing of others shows, and e2fsck has no complaints');
  });
}
