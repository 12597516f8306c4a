// time limit: 600 s
import t from 'tap';
import { LogLaboratory, needsMount, openRecovered, type LogImage, type LogImageOptions } from '../support/log-image.js';
import { describeFilesystem, LogWorkload } from '../support/log-workload.js';
import { HeldJobs } from '../support/held-jobs.js';
import { Random } from '../support/random.js';
import { Recording, RecordingDevice, type UnflushedWrites } from '../support/recording-device.js';
import { WritableFilesystem, type WritableOptions } from '../support/writable-filesystem.js';

const laboratory = new LogLaboratory();
t.teardown(() => laboratory.remove());

interface Case extends LogImageOptions, Pick<WritableOptions, 'journalChecksum' | 'memory'> {
  readonly seed: number;
  /** Operations in a transaction, at most. */
  readonly steps?: number;
  /** Commits and checkpoints are written while operations go on. */
  readonly inBackground?: boolean;
}

const cases: readonly Case[] = [
  { name: 'checkpoints by the room in the log', seed: 1, steps: 50, blockSize: 1024, journal: 'size=1', size: '8M' },
  { name: 'checkpoints by memory', seed: 2, blockSize: 1024, journal: 'size=1', size: '8M', memory: 6 << 10, inBackground: true },
  { name: 'no checksums', seed: 3, blockSize: 1024, features: '^metadata_csum,^64bit', journal: 'size=1', size: '8M', memory: 6 << 10 },
  { name: 'checksums v1', seed: 4, blockSize: 1024, features: '^metadata_csum', journal: 'size=1', size: '8M', journalChecksum: true },
  { name: '4 KiB blocks', seed: 5, blockSize: 4096, journal: 'size=4', size: '12M', memory: 16 << 10 },
  { name: 'an external journal', seed: 6, blockSize: 1024, external: true, size: '8M', memory: 6 << 10, inBackground: true },
];

const COMMITS = 40;
/** So few that what a transaction frees, another soon uses. */
const FREE_BLOCKS = 700;
/** Of the crash points, so many are shown to e2fsck too, which takes its time. */
const E2FSCK_SHARE = 25;

/** One run with its power supply recorded. */
class RecordedRun {
  readonly recording = new Recording();
  readonly device: RecordingDevice;
  readonly journalDevice: RecordingDevice | undefined;
  /** What the files hold after each commit. */
  readonly states: string[] = [];

  constructor(image: LogImage, options: Case, random: Random) {
    this.device = new RecordingDevice(image.bytes.slice(), this.recording);
    this.journalDevice = image.journal === undefined ? undefined : new RecordingDevice(image.journal.slice(), this.recording);
    const jobs = options.inBackground === true ? new HeldJobs() : undefined;
    const target = new WritableFilesystem(this.device, { ...options, ...(jobs && { jobs }), ...(this.journalDevice === undefined ? {} : { journalDevice: this.journalDevice }) });
    const workload = new LogWorkload(target, this.device, image.inodes, random);
    workload.fill(FREE_BLOCKS);
    target.transactions.listen({
      frozen: () => this.states.push(workload.describe()),
      committed: () => this.recording.mark('committed'),
    });
    for (let commit = 0; commit < COMMITS; commit++) {
      for (let steps = commit === 0 ? 0 : random.below(options.steps ?? 15); steps > 0; steps--) {
        workload.step();
        jobs?.advance(random.below(3));
        target.transactions.collect();
        target.transactions.relieve();
      }
      target.transactions.beginCommit();
      if (jobs === undefined) target.transactions.relieve();
    }
    target.unmount();
  }

  /** What may be found after a crash at `position`: the last state that was committed, or the one that was being committed. */
  expectedAt(position: number): readonly string[] {
    const committed = this.recording.marksBefore(position).length;
    return this.states.slice(Math.max(0, committed - 1), committed + 1);
  }

  crashAt(position: number, unflushed: UnflushedWrites): CrashedImage {
    const bytes = this.device.after(position, unflushed);
    return this.journalDevice === undefined ? { bytes } : { bytes, journal: this.journalDevice.after(position, unflushed) };
  }
}

interface CrashedImage {
  readonly bytes: Uint8Array;
  readonly journal?: Uint8Array;
}

for (const options of cases) {
  t.test(options.name, { skip: options.external === true && needsMount }, async (t) => {
    t.comment(`seed ${options.seed}`);
    const random = new Random(options.seed);
    const image = laboratory.make(options, 5);
    const run = new RecordedRun(image, options, random);
    const { recording } = run;
    let checked = 0;
    let surprises = 0;
    const surprise = (what: string): void => {
      if (++surprises <= 5) t.fail(what);
    };

    const check = (position: number, how: string, unflushed: UnflushedWrites): void => {
      const where = `event ${position} of ${recording.length}, unflushed writes ${how}`;
      const { bytes, journal } = run.crashAt(position, unflushed);
      const expected = run.expectedAt(position);
      const started = recording.marksBefore(position).length > 0;
      try {
        const found = describeFilesystem(openRecovered(bytes, journal), image.inodes);
        if (started && !expected.includes(found)) surprise(`${where}: another state than the committed one`);
        if (checked++ % E2FSCK_SHARE !== 0) return;
        const repaired = laboratory.recoveredByE2fsck(bytes, journal);
        if (repaired.complaints !== '') surprise(`${where}: ${repaired.complaints}`);
        if (describeFilesystem(openRecovered(repaired.bytes, journal), image.inodes) !== found) surprise(`${where}: e2fsck found another state`);
      } catch (error) {
        surprise(`${where}: ${String(error)}`);
      }
    };

    for (const flush of recording.flushes) {
      check(flush - 1, 'lost', 'lost');
      check(flush - 1, 'kept', 'kept');
      check(flush - 1, 'sampled', random);
      check(flush, 'none', 'kept');
    }
    for (let sample = 0; sample < 100; sample++) check(random.below(recording.length + 1), 'sampled', random);
    t.comment(`${checked} crashes at ${recording.flushes.length} flushes`);
    t.equal(surprises, 0, 'every crash leaves a committed state');

    for (let sample = 0; sample < 20; sample++) {
      const position = random.below(recording.length + 1);
      if (recording.marksBefore(position).length === 0) continue;
      const crashed = run.crashAt(position, random);
      const found = describeFilesystem(openRecovered(crashed.bytes, crashed.journal), image.inodes);
      const again = crashedWhileRecovering(crashed, random);
      t.equal(describeFilesystem(openRecovered(again.bytes, again.journal), image.inodes), found, `a crash during the recovery from one at event ${position} changes nothing`);
    }
  });
}

/** Mounts for writing, which recovers, and cuts the power once more on the way. */
function crashedWhileRecovering({ bytes, journal }: CrashedImage, random: Random): CrashedImage {
  const recording = new Recording();
  const device = new RecordingDevice(bytes, recording);
  const journalDevice = journal === undefined ? undefined : new RecordingDevice(journal, recording);
  new WritableFilesystem(device, journalDevice === undefined ? {} : { journalDevice }).unmount();
  const position = random.below(recording.length + 1);
  const after = device.after(position, random);
  return journalDevice === undefined ? { bytes: after } : { bytes: after, journal: journalDevice.after(position, random) };
}
