import t from 'tap';
import { LogLaboratory, needsMount, openRecovered, type LogImageOptions } from '../support/log-image.js';
import { describeFilesystem, LogWorkload } from '../support/log-workload.js';
import { Random } from '../support/random.js';
import { RecordingDevice } from '../support/recording-device.js';
import { WritableFilesystem, type WritableOptions } from '../support/writable-filesystem.js';

const laboratory = new LogLaboratory();
t.teardown(() => laboratory.remove());

type Case = LogImageOptions & Pick<WritableOptions, 'journalChecksum' | 'memory'>;

const cases: readonly Case[] = [
  { name: '4 KiB blocks, checksums v3', blockSize: 4096, journal: 'size=4' },
  { name: '1 KiB blocks, checksums v3', blockSize: 1024, journal: 'size=1', size: '12M' },
  { name: 'no checksums, 32-bit numbers', blockSize: 1024, features: '^metadata_csum,^64bit', journal: 'size=1', size: '12M' },
  { name: 'checksums v1', blockSize: 1024, features: '^metadata_csum', journal: 'size=1', size: '12M', journalChecksum: true },
  { name: 'checksums v1, 32-bit numbers', blockSize: 4096, features: '^metadata_csum,^64bit', journal: 'size=4', journalChecksum: true },
  { name: 'group descriptor checksums only', blockSize: 4096, features: '^metadata_csum,uninit_bg', journal: 'size=4' },
  { name: 'room for fast commits', blockSize: 1024, features: 'fast_commit', journal: 'size=2,fast_commit_size=256', size: '12M' },
  { name: 'an external journal', blockSize: 1024, external: true, size: '12M' },
  { name: 'an external journal of 4 KiB blocks', blockSize: 4096, external: true, features: '^metadata_csum' },
];

for (const { name, ...options } of cases) {
  t.test(name, { skip: options.external === true && needsMount }, async (t) => {
    const seed = 20_000 + name.length;
    t.comment(`seed ${seed}`);
    const random = new Random(seed);
    const image = laboratory.make({ name, ...options });
    const device = new RecordingDevice(image.bytes.slice());
    const journalDevice = image.journal === undefined ? undefined : new RecordingDevice(image.journal.slice());
    const target = new WritableFilesystem(device, {
      ...(journalDevice === undefined ? {} : { journalDevice }),
      ...(options.journalChecksum === undefined ? {} : { journalChecksum: options.journalChecksum }),
    });
    const workload = new LogWorkload(target, device, image.inodes, random);

    // Enough for the log to be gone around several times.
    for (let round = 0; round < 2; round++) {
      for (let commit = 0; commit < 130; commit++) {
        for (let step = 1 + random.below(12); step > 0; step--) workload.step();
        target.transactions.commit();
      }
      const [bytes, journal] = [device.bytes.slice(), journalDevice?.bytes.slice()];
      const expected = workload.describe();
      t.equal(describeFilesystem(target.filesystem, image.inodes), expected, 'what is in memory');
      t.equal(describeFilesystem(openRecovered(bytes, journal), image.inodes), expected, 'our recovery finds what was committed');

      const checked = laboratory.recoveredByE2fsck(bytes, journal);
      t.equal(checked.complaints, '', 'e2fsck replays it and is content');
      t.equal(describeFilesystem(openRecovered(checked.bytes), image.inodes), expected, 'e2fsck finds what was committed');

      if (needsMount !== false || round === 0) continue;
      const mounted = laboratory.recoveredByKernel(bytes, journal);
      t.equal(describeFilesystem(openRecovered(mounted.bytes), image.inodes), expected, 'the kernel finds what was committed');
      t.equal(laboratory.recoveredByE2fsck(mounted.bytes, mounted.journal).complaints, '', 'and leaves it clean');
    }

    target.unmount();
    t.same(target.problems, []);
    t.equal(laboratory.recoveredByE2fsck(device.bytes, journalDevice?.bytes).complaints, '', 'clean after unmounting');
    t.notOk(openRecovered(device.bytes).superblock.features.hasIncompat('RECOVER'), 'nothing to recover');
    t.equal(describeFilesystem(openRecovered(device.bytes), image.inodes), workload.describe());
  });
}
