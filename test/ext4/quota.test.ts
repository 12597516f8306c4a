import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { inodeNumber } from '../../server/ext4/units.js';
import { complaintsAbout, imageBytes, openWritable } from '../crash/images.js';
import { mebibyte, type ImageRecipe } from '../support/image.js';
import { MemoryDevice } from '../support/memory-device.js';
import { Random } from '../support/random.js';
import { RecordingDevice } from '../support/recording-device.js';
import { scratchDirectory } from '../support/scratch.js';
import { accounts, accountsByDebugfs, ALL_QUOTAS, KINDS, QuotaWorkload } from './quota-workload.js';

const seed = Number(process.env['FUSE4FS_SEED'] ?? 41);
const STEPS = 700;
const POINTS = 40;
const ROUNDS = 3;
const small = 24 * mebibyte;

const cases: readonly { readonly name: string; readonly recipe: ImageRecipe }[] = [
  { name: 'ext4', recipe: { ...ALL_QUOTAS, size: 48 * mebibyte } },
  { name: '1 KiB blocks', recipe: { ...ALL_QUOTAS, blockSize: 1024, size: small } },
  { name: 'values of attributes in inodes', recipe: { ...ALL_QUOTAS, features: ['quota', 'project', 'ea_inode'], blockSize: 1024, size: small } },
  { name: 'bigalloc', recipe: { ...ALL_QUOTAS, features: ['quota', 'project', 'bigalloc', 'ea_inode'], arguments: ['-C', '16384'], size: 64 * mebibyte } },
  { name: 'block maps', recipe: { features: ['quota', '^extent', '^64bit'], extended: ['quotatype=usrquota:grpquota'], blockSize: 1024, size: small } },
  { name: 'only groups, inodes of 128 bytes', recipe: { features: ['quota', '^metadata_csum'], extended: ['quotatype=grpquota'], arguments: ['-I', '128'], blockSize: 1024, size: small } },
  { name: 'no journal', recipe: { ...ALL_QUOTAS, features: ['quota', 'project', '^has_journal'], blockSize: 1024, size: small } },
  { name: '64 KiB blocks', recipe: { ...ALL_QUOTAS, blockSize: 65536, size: 256 * mebibyte } },
  { name: 'orphan_file, nearly full', recipe: { ...ALL_QUOTAS, features: ['quota', 'project', 'orphan_file', '^resize_inode'], arguments: ['-N', '128', '-J', 'size=1'], blockSize: 1024, size: 5 * mebibyte } },
];

t.comment(`seed ${seed} (FUSE4FS_SEED sets it)`);

for (const { name, recipe } of cases) {
  t.test(`accounts after random operations: ${name}`, async (t) => {
    const directory = scratchDirectory(t);
    const bytes = await imageBytes(directory, recipe);
    const image = join(directory, 'image');
    const random = new Random(seed);
    const workload = new QuotaWorkload(openWritable(new MemoryDevice(bytes)), random);
    for (let round = 0; round < ROUNDS; round++) {
      for (let step = 0; step < STEPS; step++) workload.step();
      workload.exerciser.closeAll();
      const said = accounts(workload.writable);
      workload.writable.close();
      t.equal(await complaintsAbout(directory, bytes), undefined, `round ${round}`);
      writeFileSync(image, bytes);
      const kinds = KINDS.filter((kind) => workload.writable.quotas?.[kind] !== undefined);
      const expected = await accountsByDebugfs(image, kinds);
      t.strictSame(kinds.map((kind) => said[kind]), kinds.map((kind) => expected[kind]), 'debugfs lists the same');
      workload.writable = openWritable(new MemoryDevice(bytes));
    }
    workload.writable.close();
  });
}

t.test('accounts after a crash', async (t) => {
  const directory = scratchDirectory(t);
  const recipe: ImageRecipe = { ...ALL_QUOTAS, features: ['quota', 'project', 'ea_inode'], arguments: ['-J', 'size=1', '-N', '256'], blockSize: 1024, size: 6 * mebibyte };
  const device = new RecordingDevice(await imageBytes(directory, recipe));
  const random = new Random(seed);
  const workload = new QuotaWorkload(openWritable(device), random);
  for (let step = 0; step < 400; step++) workload.step();
  workload.writable.commit();
  const { recording } = device;
  const started = recording.flushes[2] ?? 0;
  const wrong: string[] = [];
  for (let point = 0; point < POINTS; point++) {
    const position = started + random.below(recording.length - started);
    const bytes = device.after(position, random);
    const recovered = openWritable(new MemoryDevice(bytes));
    recovered.close();
    const complaints = await complaintsAbout(directory, bytes);
    if (complaints !== undefined) wrong.push(`crash at event ${position} of ${recording.length}: ${complaints}`);
  }
  t.strictSame(wrong, [], `${POINTS} crashes`);
});

t.test('entries come and go', async (t) => {
  const directory = scratchDirectory(t);
  const bytes = await imageBytes(directory, { ...ALL_QUOTAS, blockSize: 1024, size: small });
  const random = new Random(seed);
  const limits = new Map<number, number>();
  let writable = openWritable(new MemoryDevice(bytes));
  const fileSize = (): number => writable.filesystem.inodes.get(inodeNumber(writable.filesystem.superblock.userQuotaInode)).size;
  for (const [steps, chance] of [[3000, 8], [3000, 2], [1500, 7]] as const) {
    for (let step = 0; step < steps; step++) {
      const id = random.below(3) === 0 ? random.word() : 1 + random.below(500);
      const known = [...limits.keys()][random.below(limits.size)] ?? id;
      const [chosen, value] = random.below(10) < chance ? [id, 1 + random.below(1 << 30)] : [known, 0];
      const fails = random.below(20) === 0;
      try {
        writable.change(() => {
          writable.quotas?.user?.setLimits(chosen, { spaceSoft: 0, spaceHard: value * 1024, inodesSoft: value, inodesHard: 0 });
          if (fails) throw new Error('taken back');
        });
        if (value > 0) limits.set(chosen, value);
        else limits.delete(chosen);
      } catch (error) {
        if (!fails) throw error;
      }
      if (step % 100 === 0) writable.commit();
      writable.filesystem.trim();
    }
    const expected = [...limits].filter(([id]) => id !== 0).sort(([one], [other]) => one - other).map(([id, value]) => `${id} 0 0 ${value} 0 ${value} 0`);
    t.strictSame(accounts(writable)['user']?.slice(1), expected, `${limits.size} entries in ${fileSize()} bytes`);
    writable.close();
    const complaints = await complaintsAbout(directory, bytes);
    t.equal(complaints, undefined);
    writeFileSync(join(directory, 'image'), bytes);
    t.strictSame((await accountsByDebugfs(join(directory, 'image'), ['user']))['user']?.slice(1), expected, 'debugfs lists the same');
    writable = openWritable(new MemoryDevice(bytes));
  }
  const grown = fileSize();
  for (const id of limits.keys()) writable.change(() => writable.quotas?.user?.setLimits(id, { spaceSoft: 0, spaceHard: 0, inodesSoft: 0, inodesHard: 0 }));
  t.equal(accounts(writable)['user']?.length, 1, 'only root has files');
  for (let id = 1; id <= 100; id++) writable.change(() => writable.quotas?.user?.setLimits(id, { spaceSoft: 0, spaceHard: 1024, inodesSoft: 0, inodesHard: 0 }));
  t.equal(fileSize(), grown, 'blocks that became free are used again');
  writable.close();
  t.equal(await complaintsAbout(directory, bytes), undefined);
});
