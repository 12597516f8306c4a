import t from 'tap';
import { DeviceError } from '../../server/ext4/errors.js';
import { State } from '../../server/ext4/layout/superblock.js';
import { LogLaboratory, openRecovered, type LogImage } from '../support/log-image.js';
import { describeFilesystem, LogWorkload } from '../support/log-workload.js';
import { MemoryDevice } from '../support/memory-device.js';
import { Random } from '../support/random.js';
import { RecordingDevice, type Failures } from '../support/recording-device.js';
import { WritableFilesystem } from '../support/writable-filesystem.js';

const laboratory = new LogLaboratory();
t.teardown(() => laboratory.remove());

const journalled = laboratory.make({ name: 'journalled', blockSize: 1024, journal: 'size=1', size: '8M' }, 4);

interface Outcome {
  readonly device: RecordingDevice;
  readonly target: WritableFilesystem;
  /** What the files held before each commit that was tried, and at the end. */
  readonly states: readonly string[];
  /** How many commits went through. */
  readonly committed: number;
  readonly error: Error | undefined;
}

/** Works until a commit fails. Commits are checkpointed by turns. */
function workUntilFailure(image: LogImage, failures: Failures, seed: number): Outcome {
  const random = new Random(seed);
  const device = new RecordingDevice(image.bytes.slice());
  const target = new WritableFilesystem(device);
  const workload = new LogWorkload(target, device, image.inodes, random);
  target.transactions.commit();
  const states = [workload.describe()];
  device.failures = failures;
  let committed = 0;
  try {
    for (; committed < 8; committed++) {
      device.failures = {};
      for (let step = 0; step < 5; step++) workload.step();
      states.push(workload.describe());
      device.failures = failures;
      if (committed % 2 === 0) target.transactions.commit();
      else target.transactions.checkpoint();
    }
  } catch (error) {
    return { device, target, states, committed, error: error as Error };
  }
  return { device, target, states, committed, error: undefined };
}

/** Fails the operation of its kind with this number, and only that. */
function failOnce(kind: 'write' | 'flush', which: number): Failures {
  let seen = 0;
  return { [kind]: () => seen++ === which };
}

t.test('a write or a flush fails, anywhere in a commit or a checkpoint', async (t) => {
  for (const kind of ['write', 'flush'] as const) {
    let failures = 0;
    for (let which = 0; ; which++) {
      const { device, target, states, committed, error } = workUntilFailure(journalled, failOnce(kind, which), 30);
      if (error === undefined) break;
      failures++;
      const where = `${kind} ${which}, commit ${committed}`;
      t.match(error, { code: 'IO', message: /injected/ }, where);
      t.throws(() => target.transactions.begin(), { code: 'OPERATION', message: /aborted/ }, 'nothing can be changed any more');
      t.throws(() => target.transactions.commit(), { code: 'IO' }, 'nor committed');
      target.superblock.writeErrors();

      const found = describeFilesystem(openRecovered(device.bytes), journalled.inodes);
      t.ok(states.slice(committed, committed + 2).includes(found), 'what was committed is there');
      const checked = laboratory.recoveredByE2fsck(device.bytes);
      t.equal(checked.complaints, '');

      const later = new RecordingDevice(device.bytes.slice());
      const again = new WritableFilesystem(later);
      t.ok(again.problems.some((problem) => problem.includes('aborted with error 5')), 'the journal tells the next mount');
      again.unmount();
      const { state, errorCount } = openRecovered(later.bytes).superblock;
      t.equal(state & State.ERRORS, State.ERRORS, 'the superblock says so until it was checked');
      t.equal(errorCount, 1);
    }
    t.ok(failures > 10, `${failures} places for a ${kind} to fail`);
  }
});

t.test('the device fails for good', async (t) => {
  let writes = 0;
  const { device, target, states, committed, error } = workUntilFailure(journalled, { write: () => ++writes > 10 }, 31);
  t.match(error, { code: 'IO' });
  device.failures = { write: () => true };
  target.superblock.recordError(new DeviceError('gone'));
  t.throws(() => {
    target.superblock.writeErrors();
  }, { code: 'IO' });
  t.ok(states.slice(committed, committed + 2).includes(describeFilesystem(openRecovered(device.bytes), journalled.inodes)));
});

t.test('a block that cannot be read while a commit needs it', async (t) => {
  const device = new RecordingDevice(journalled.bytes.slice());
  const target = new WritableFilesystem(device);
  const workload = new LogWorkload(target, device, journalled.inodes, new Random(32));
  target.transactions.commit();
  device.failures = { read: () => true };
  t.throws(() => {
    for (let step = 0; step < 50; step++) workload.step();
  }, { code: 'IO' }, 'an operation fails');
  device.failures = {};
  target.transactions.commit();
  t.equal(laboratory.recoveredByE2fsck(device.bytes).complaints, '', 'and leaves nothing behind');
});

t.test('without a journal', async (t) => {
  const image = laboratory.make({ name: 'bare', blockSize: 1024, features: '^has_journal', size: '8M' }, 4);
  const random = new Random(33);
  const device = new RecordingDevice(image.bytes.slice());
  const target = new WritableFilesystem(device);
  const workload = new LogWorkload(target, device, image.inodes, random);
  for (let commit = 0; commit < 60; commit++) {
    for (let step = 0; step < 8; step++) workload.step();
    target.transactions.commit();
    if (commit % 20 !== 0) continue;
    t.equal(describeFilesystem(openRecovered(device.bytes), image.inodes), workload.describe(), 'what was committed is at home');
    t.equal(openRecovered(device.bytes).superblock.state & 1, 0, 'a filesystem in use is not valid');
    t.equal(laboratory.recoveredByE2fsck(device.bytes).complaints, '');
  }
  target.unmount();
  t.equal(new WritableFilesystem(new MemoryDevice(device.bytes.slice())).problems.length, 0);
  t.equal(openRecovered(device.bytes).superblock.state & 1, 1, 'one that was unmounted is');
  t.equal(laboratory.recoveredByE2fsck(device.bytes).complaints, '');
});
