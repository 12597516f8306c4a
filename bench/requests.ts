import * as fs from 'node:fs';
import { join } from 'node:path';
import { run } from './command.js';
import { fuse2fsCounting, fuse4fs, type CountingContender } from './contenders.js';
import { attachLoop, detachLoop } from './image.js';

/** Of each kind; the table has the mean. */
const TIMES = 200;

interface Action {
  readonly name: string;
  /** Once per file, `file` counting up from 0. */
  act(directory: string, file: number): void;
}

const named = (directory: string, file: number): string => join(directory, `file-${file}`);

function make(path: string): void {
  const descriptor = fs.openSync(path, 'wx');
  fs.writeSync(descriptor, Buffer.alloc(4096, 'x'));
  fs.closeSync(descriptor);
}

/** In this order: later ones need what earlier ones made. */
const actions: readonly Action[] = [
  { name: 'create, write 4 KiB, close', act: (directory, file) => make(named(directory, file)) },
  {
    name: 'open, read, close, the first time',
    act: (directory, file) => void fs.readFileSync(named(directory, file)),
  },
  { name: 'open, read, close, again', act: (directory, file) => void fs.readFileSync(named(directory, file)) },
  { name: 'stat', act: (directory, file) => void fs.statSync(named(directory, file)) },
  { name: 'stat of a name that is not there, again', act: (directory) => void fs.statSync(join(directory, 'none'), { throwIfNoEntry: false }) },
  { name: 'append 4 KiB and fsync', act: appendAndSync },
  { name: 'utimensat', act: (directory, file) => fs.utimesSync(named(directory, file), 1, file) },
  { name: 'rename', act: (directory, file) => fs.renameSync(named(directory, file), join(directory, `renamed-${file}`)) },
  { name: 'unlink', act: (directory, file) => fs.unlinkSync(join(directory, `renamed-${file}`)) },
  { name: 'mkdir', act: (directory, file) => void fs.mkdirSync(join(directory, `directory-${file}`)) },
  { name: 'rmdir', act: (directory, file) => fs.rmdirSync(join(directory, `directory-${file}`)) },
  { name: 'a file unpacked (create, write, chmod, chown, utimensat)', act: unpack },
];

function appendAndSync(directory: string, file: number): void {
  const descriptor = fs.openSync(named(directory, file), 'a');
  fs.writeSync(descriptor, Buffer.alloc(4096, 'y'));
  fs.fsyncSync(descriptor);
  fs.closeSync(descriptor);
}

function unpack(directory: string, file: number): void {
  const path = join(directory, `unpacked-${file}`);
  const descriptor = fs.openSync(path, 'wx', 0o600);
  fs.writeSync(descriptor, Buffer.alloc(4096, 'z'));
  fs.fchownSync(descriptor, 1000, 1000);
  fs.fchmodSync(descriptor, 0o644);
  fs.futimesSync(descriptor, 1, 2);
  fs.closeSync(descriptor);
}

/** Requests for each time an action was done, what writing back took included. */
type Counts = ReadonlyMap<string, number>;

async function count(contender: CountingContender, scratch: string): Promise<Counts> {
  const image = join(scratch, 'requests.img');
  fs.writeFileSync(image, '');
  fs.truncateSync(image, 256 << 20);
  await run('mke2fs', '-q', '-F', '-t', 'ext4', image);
  const device = await attachLoop(image, false);
  const target = join(scratch, 'mnt');
  fs.mkdirSync(target, { recursive: true });
  const mounted = await contender.mountCounting(device, target);
  const counts = new Map<string, number>();
  try {
    const directory = join(target, 'work');
    fs.mkdirSync(directory);
    for (const { name, act } of actions) {
      await run('sync', '-f', target);
      const before = await mounted.requests();
      for (let file = 0; file < TIMES; file++) act(directory, file);
      await run('sync', '-f', target);
      counts.set(name, ((await mounted.requests()) - before) / TIMES);
    }
  } finally {
    await mounted.unmount();
    await detachLoop(device);
    fs.rmSync(image);
  }
  return counts;
}

/** How many requests the kernel sends for what programs do: a table in Markdown. */
export async function requestsTable(scratch: string): Promise<string> {
  const contenders = [fuse2fsCounting, fuse4fs];
  const counted: Counts[] = [];
  for (const contender of contenders) counted.push(await count(contender, scratch));
  const lines = actions.map(({ name }) => `| ${name} | ${counted.map((counts) => (counts.get(name) ?? NaN).toFixed(1)).join(' | ')} |`);
  return [`| requests for one | ${contenders.map(({ name }) => name).join(' | ')} |`, '| --- | --- | --- |', ...lines].join('\n');
}
