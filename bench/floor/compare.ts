/** What each type of request costs, ours beside a server that answers from constants: no FUSE server in this process model can be quicker. */
import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { BareMount } from '../../test/support/bare-mount.js';
import { run } from '../command.js';
import { attachLoop, detachLoop } from '../image.js';
import { nativeProgram } from '../native-program.js';
import { median } from '../report.js';
import { columns } from '../table.js';
import { DIRECTORIES, FILES, LINKS, makeRequestImage } from './image.js';
import { processorNanoseconds, requestsOf } from './server.js';

/** Interleaved, after one that is not counted: V8 compiles what it finds is used much. */
const ROUNDS = 5;
/** The caller and the server share one: a processor that wakes up costs more than the request, and how much is chance. */
const PROCESSOR = '0';

interface Action {
  /** Of one-request. */
  readonly name: string;
  readonly times: number;
  /** The kernel forgets names, links and listings before; the server keeps what it knows. */
  readonly forgets?: boolean;
  /** Undoes it before the next round. */
  readonly undo?: string;
}

/** Later ones need what earlier ones have made. */
const actions: readonly Action[] = [
  { name: 'lookup', times: FILES, forgets: true },
  { name: 'lookup-missing', times: LINKS, forgets: true },
  { name: 'getattr', times: 20_000 },
  { name: 'statx', times: 20_000 },
  { name: 'readdir', times: DIRECTORIES, forgets: true },
  { name: 'readlink', times: LINKS, forgets: true },
  { name: 'open', times: 20_000 },
  { name: 'read-4k', times: 20_000 },
  { name: 'read-1m', times: 500 },
  { name: 'write-4k', times: 10_000 },
  { name: 'write-1m', times: 200 },
  { name: 'statfs', times: 20_000 },
  { name: 'setxattr', times: 5000 },
  { name: 'getxattr', times: 20_000 },
  { name: 'listxattr', times: 20_000 },
  { name: 'lseek', times: 20_000 },
  { name: 'ioctl', times: 10_000 },
  { name: 'setattr', times: 5000 },
  { name: 'fsync', times: 2000 },
  { name: 'write-fsync', times: 500 },
  { name: 'create', times: 2000 },
  { name: 'rename', times: 2000 },
  { name: 'unlink', times: 2000 },
  { name: 'link', times: 2000, undo: 'link-*' },
  { name: 'mknod', times: 2000, undo: 'node-*' },
  { name: 'symlink', times: 2000, undo: 'l[0-9]*' },
  { name: 'mkdir', times: 2000 },
  { name: 'rmdir', times: 2000 },
];

interface Cost {
  readonly microseconds: number;
  readonly serverMicroseconds: number;
  readonly requests: number;
}

type Costs = ReadonlyMap<Action, readonly Cost[]>;

/** @returns a table for people */
export async function compareRequestTypes(scratch: string, progress: (message: string) => void): Promise<string> {
  const program = await nativeProgram('one-request');
  const image = join(scratch, 'requests.img');
  const nothing = join(scratch, 'nothing.img');
  await makeRequestImage(image, scratch);
  writeFileSync(nothing, '');
  truncateSync(nothing, 1 << 20);
  const ours: Costs = new Map(actions.map((action) => [action, []]));
  const floor: Costs = new Map(actions.map((action) => [action, []]));
  await onMount('server/main.cjs', image, (fuse4fs) =>
    onMount('bench/floor/main.js', nothing, async (constants) => {
      for (let round = 0; round <= ROUNDS; round++) {
        progress(round === 0 ? 'warming up' : `round ${round}/${ROUNDS}`);
        for (const action of actions) {
          for (const [mount, costs] of [[fuse4fs, ours], [constants, floor]] as const) {
            const cost = await measure(action, program, mount).catch((error: unknown) => progress(`${action.name}: ${String(error)}`));
            if (round > 0 && cost !== undefined) (costs.get(action) as Cost[]).push(cost);
          }
        }
      }
    }),
  );
  return `${columns([HEADER, ...actions.map((action) => line(action, ours, floor))])}\n\n${EXPLANATION}`;
}

async function onMount(main: string, image: string, use: (mount: BareMount) => Promise<void>): Promise<void> {
  const device = await attachLoop(image, false);
  try {
    const mount = await BareMount.make({ main, image: device, writable: true });
    try {
      await run('taskset', '-a', '-p', '-c', PROCESSOR, String(mount.server.pid));
      await use(mount);
    } finally {
      await mount.unmount();
    }
  } finally {
    await detachLoop(device);
  }
}

/** Fails where someone else drops caches meanwhile: the server of constants does not know what was made. */
async function measure({ name, times, forgets, undo }: Action, program: string, mount: BareMount): Promise<Cost> {
  const ask = (what: string, count: number): Promise<string> => run('taskset', '-c', PROCESSOR, 'env', '-C', mount.target, program, what, String(count));
  if (forgets === true) writeFileSync('/proc/sys/vm/drop_caches', '2');
  // After what the kernel forgot the server has something to do; and the way to the mount is known again.
  await ask('statfs', 100);
  const pid = mount.server.pid ?? 0;
  const requests = await requestsOf(mount.statusPath);
  const before = processorNanoseconds(pid);
  const seconds = Number(await ask(name, times));
  const serverNanoseconds = processorNanoseconds(pid) - before;
  const asked = (await requestsOf(mount.statusPath)) - requests;
  if (undo !== undefined) await run('find', join(mount.target, 'made'), '-name', undo, '-delete');
  return { microseconds: (seconds * 1e6) / times, serverMicroseconds: serverNanoseconds / 1000 / times, requests: asked / times };
}

/** What a request may cost when its metadata is cached, in times the floor. */
const MOST_RATIO = 1.5;
/** In microseconds: where nothing reaches the server there is nothing to compare. */
const LEAST = 0.05;
const HEADER = ['µs for one', 'fuse4fs', 'floor', 'ratio', 'server: fuse4fs', 'floor', 'ratio', 'requests', 'floor'];
const EXPLANATION = `Medians of ${ROUNDS} rounds, caller and server on one processor. "server": its CPU time. A ratio above ${MOST_RATIO} has a "!".`;

function line(action: Action, ours: Costs, floor: Costs): string[] {
  const middle = (costs: Costs, of: (cost: Cost) => number): number => median((costs.get(action) ?? []).map(of));
  const compared = (of: (cost: Cost) => number): string[] => {
    const [one, other] = [middle(ours, of), middle(floor, of)];
    const ratio = one / other;
    return [one.toFixed(1), other.toFixed(1), other < LEAST ? '- ' : `${ratio.toFixed(2)}${ratio > MOST_RATIO ? '!' : ' '}`];
  };
  const requests = ({ requests }: Cost): number => requests;
  return [action.name, ...compared(({ microseconds }) => microseconds), ...compared(({ serverMicroseconds }) => serverMicroseconds), middle(ours, requests).toFixed(1), middle(floor, requests).toFixed(1)];
}
