/** Jobs of writes and flushes: carried out by a thread, or by who starts them, and to the same end. */
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { DescriptorDevice } from '../../server/device/descriptor-device.js';
import { DeviceJob } from '../../server/device/device-job.js';
import { ThreadedJobs } from '../../server/device/threaded-jobs.js';
import { scratchDirectory } from '../support/scratch.js';

const SIZE = 4 << 20;
const LARGE = 1 << 20;
const NEVER = -1;

/** Counts what was handed to somebody else to be written. */
class WatchedDevice extends DescriptorDevice {
  handed = 0;

  override placeToWrite(position: number, length: number): number {
    this.handed++;
    return super.placeToWrite(position, length);
  }
}

function deviceOn(path: string, mode = 'r+'): WatchedDevice {
  return new WatchedDevice({ fd: openSync(path, mode), size: SIZE, readOnly: false, name: 'test' });
}

const bytesOf = (value: number, length: number): Uint8Array => new Uint8Array(new SharedArrayBuffer(length)).fill(value);

function run(jobs: ThreadedJobs, job: DeviceJob): void {
  jobs.start(job);
  jobs.finish();
}

t.test('steps are carried out in order', (t) => {
  const path = join(scratchDirectory(t, 'fuse4fs-jobs'), 'file');
  writeFileSync(path, new Uint8Array(SIZE));
  for (const soon of [NEVER, Infinity]) {
    const device = deviceOn(path);
    const jobs = ThreadedJobs.start(device, soon) as ThreadedJobs;
    for (let round = 0; round < 20; round++) {
      const job = new DeviceJob();
      const to = job.on(device);
      to.write(bytesOf(round + 1, 8192), 4096, 4096, 4096);
      to.flush();
      to.write(bytesOf(round + 2, 2048), 0, 2048, 6144);
      to.flush();
      run(jobs, job);
      t.notOk(jobs.isRunning);
      const found = readFileSync(path);
      t.same([4095, 4096, 6143, 6144, 8191, 8192].map((at) => found[at]), [0, round + 1, round + 1, round + 2, round + 2, 0]);
    }
    t.equal(device.bytesWritten, 20 * (4096 + 2048), 'and counted');
    t.equal(device.handed, soon === NEVER ? 40 : 2, 'by whom the rule says: the first job shows how long one takes');
    jobs.close();
    device.close();
  }
  t.end();
});

t.test('what is large, or follows upon much that was written, is for the thread', (t) => {
  const path = join(scratchDirectory(t, 'fuse4fs-jobs'), 'file');
  writeFileSync(path, new Uint8Array(SIZE));
  const device = deviceOn(path);
  const jobs = ThreadedJobs.start(device, Infinity) as ThreadedJobs;
  const write = (length: number): number => {
    const before = device.handed;
    const job = new DeviceJob();
    job.on(device).write(bytesOf(1, length), 0, length, 0);
    run(jobs, job);
    return device.handed - before;
  };
  write(512);
  t.equal(write(512), 0);
  t.equal(write(LARGE), 1);
  t.equal(write(512), 0);
  device.write(bytesOf(2, LARGE), 0, LARGE, LARGE);
  t.equal(write(512), 1);
  t.equal(write(512), 0);
  jobs.close();
  device.close();
  t.end();
});

t.test('a job ends at the step that fails', (t) => {
  const path = join(scratchDirectory(t, 'fuse4fs-jobs'), 'file');
  writeFileSync(path, new Uint8Array(SIZE));
  for (const soon of [NEVER, Infinity]) {
    const device = deviceOn(path);
    const unwritable = deviceOn(path, 'r');
    const jobs = ThreadedJobs.start(device, soon) as ThreadedJobs;
    run(jobs, new DeviceJob());
    const job = new DeviceJob();
    job.on(device).write(bytesOf(7, 512), 0, 512, 0);
    job.on(unwritable).write(bytesOf(7, 512), 0, 512, 512);
    job.on(device).write(bytesOf(7, 512), 0, 512, 1024);
    t.throws(() => run(jobs, job), { code: 'IO', errno: constants.errno.EBADF, message: /^test: writing 512 bytes at 512 failed/ });
    t.same([0, 512, 1024].map((at) => readFileSync(path)[at]), [7, 0, 0]);
    job.clear();
    job.on(device).write(bytesOf(0, 512), 0, 512, 0);
    t.doesNotThrow(() => run(jobs, job), 'the next one is another matter');
    jobs.close();
    device.close();
    unwritable.close();
  }
  t.end();
});

t.test('outside the device nothing is written', (t) => {
  const path = join(scratchDirectory(t, 'fuse4fs-jobs'), 'file');
  writeFileSync(path, new Uint8Array(SIZE));
  const device = deviceOn(path);
  const jobs = ThreadedJobs.start(device, NEVER) as ThreadedJobs;
  const job = new DeviceJob();
  job.on(device).write(bytesOf(1, 512), 0, 512, SIZE - 256);
  t.throws(() => run(jobs, job), { code: 'IO', message: /outside/ });
  t.equal(readFileSync(path).length, SIZE);
  jobs.close();
  device.close();
  t.end();
});

t.test('closing brings a job to its end', (t) => {
  const path = join(scratchDirectory(t, 'fuse4fs-jobs'), 'file');
  writeFileSync(path, new Uint8Array(SIZE));
  const descriptor = openSync(path, 'r+');
  const device = new DescriptorDevice({ fd: descriptor, size: SIZE, readOnly: false, name: 'test' });
  const jobs = ThreadedJobs.start(device, NEVER) as ThreadedJobs;
  const job = new DeviceJob();
  for (let at = 0; at < SIZE; at += LARGE) job.on(device).write(bytesOf(9, LARGE), 0, LARGE, at);
  jobs.start(job);
  jobs.close();
  t.ok(readFileSync(path).every((byte) => byte === 9));
  closeSync(descriptor);
  t.end();
});
