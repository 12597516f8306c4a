/** The real helper, and a server that was taken over while it mounts: it gets nothing, and nothing is left of it. */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { fstatSync, openSync, statSync } from 'node:fs';
import t from 'tap';
import { MountError } from '../../helper/mount/errors.js';
import type { MountResult } from '../../helper/mount/mount-opened.js';
import { mount } from '../../helper/mount/mount.js';
import { readMounts } from '../../helper/mount/mountinfo.js';
import { parseOptions } from '../../helper/mount/options.js';
import { Channel } from '../../protocol/seqpacket/channel.js';
import { closeDescriptors, setCloseOnExec } from '../../protocol/seqpacket/descriptors.js';
import { encode } from '../../protocol/service/codec.js';
import { openDescriptors } from '../service/handshake-process.js';
import { hexOf, samples } from '../service/handshake-samples.js';
import { mountsImpossible } from '../support/bare-mount.js';
import { containedProgram } from '../support/contained-program.js';
import { processesWith, Workbench } from '../support/helper-workbench.js';
import { unchecked, type Act, type Confession } from '../support/hostile-server.js';

const skip = mountsImpossible;

const hex = (message: object): string => Buffer.from(unchecked(message)).toString('hex');
const raw = (message: object): Act => ({ send: hex(message) });
const welcome: Act = { send: hexOf(samples.welcome) };
const good = { blockSize: 4096, rootMode: 0o40755, readOnly: false, kernelOptions: [] as string[], fuseClones: 0 };
const plan = (more: object): Act => raw({ mountPlan: { ...good, ...more } });
const ready: Act = { send: hexOf(samples.ready) };
/** Up to the helper's next turn. */
const GREETED: readonly Act[] = ['take', welcome, 'take'];
const PLANNED: readonly Act[] = [...GREETED, plan({}), 'take'];

interface Attack {
  readonly acts: readonly Act[];
  readonly options?: string;
}

/** @returns the error, or the mount that came of it */
async function attempt(bench: Workbench, { acts, options = '' }: Attack, source: string): Promise<{ error: MountError | undefined; result: MountResult | undefined; mark: string }> {
  const mark = randomUUID();
  const environment = bench.environment(() => containedProgram('hostile-server.js', JSON.stringify(acts), mark), { patience: 100 });
  const request = { source, target: bench.target, options: parseOptions([options]), foreground: false };
  try {
    return { error: undefined, result: await mount(request, environment), mark };
  } catch (error) {
    if (error instanceof MountError) return { error, result: undefined, mark };
    throw error;
  }
}

const told = (error: MountError | undefined): string => (error === undefined ? 'mounted' : `${error.code} ${error.reason} ${error.message}`);

t.before(async () => {
  // From its first child on, Node keeps a descriptor of /dev/null.
  if (mountsImpossible === false) await once(spawn('true'), 'exit');
});

t.test('whatever it says, it is refused', { skip }, async (t) => {
  const bench = new Workbench();
  t.teardown(() => bench.clear());
  const source = bench.image();
  const victim = bench.loopDevice(bench.image('victim'));
  const before = openDescriptors();
  for (const [name, { expected, ...attack }] of Object.entries(attacks(statSync(victim).rdev, bench.image('journal')))) {
    const { error, mark } = await attempt(bench, attack, source);
    t.match(told(error), expected, name);
    t.equal(bench.mountEntry(), undefined, `${name}: no mount`);
    t.same(bench.leftovers(), [], `${name}: no file`);
    t.same(processesWith(mark), [], `${name}: no process`);
    t.equal(openDescriptors(), before, `${name}: no descriptor`);
  }
});

const UNEXPECTED = /^SERVER_FAILED (UNEXPECTED|DESCRIPTORS|MALFORMED|CLOSED) /u;
const MALFORMED = /^SERVER_FAILED MALFORMED /u;

function attacks(victim: number, journal: string): Readonly<Record<string, Attack & { readonly expected: RegExp }>> {
  const places = { 'before anything': [], 'instead of a welcome': ['take'], 'instead of a plan': GREETED, 'instead of being ready': PLANNED } as const;
  const belongs: Readonly<Record<string, string>> = { 'instead of a welcome': 'welcome', 'instead of a plan': 'mountPlan needJournal', 'instead of being ready': 'ready' };
  const outOfOrder = Object.entries(places).flatMap(([place, acts]) =>
    Object.values(samples)
      .filter(({ type }) => type !== 'refusal' && place !== 'before anything' && !(belongs[place] ?? '').includes(type))
      .map((message) => {
        const descriptors = Math.min(2, encode(message).descriptors.length);
        return [`${message.type} ${place}`, { acts: [...acts, { send: hexOf(message), descriptors }], expected: UNEXPECTED }] as const;
      }));
  const badPlans = {
    'the mode of a file': { rootMode: 0o100755 }, 'the mode of a link': { rootMode: 0o120777 }, 'the mode of a device': { rootMode: 0o60666 },
    'more than a mode': { rootMode: 0xffffffff }, 'no block size': { blockSize: 0 }, 'an odd block size': { blockSize: 3000 }, 'a huge block size': { blockSize: 2 ** 31 },
    'clones without end': { fuseClones: 2 ** 31 }, 'options behind a comma': { kernelOptions: ['max_read=4096,suid'] }, 'an option with a line': { kernelOptions: ['max_read=1\nsuid'] },
    'options without end': { kernelOptions: Array<string>(65).fill('max_read=4096') }, 'no UUID': { uuid: '../../etc/passwd' },
  };
  const needJournal = (uuid: string, deviceNumber: number): Act => raw({ needJournal: { uuid, deviceNumber } });
  const anyUuid = '01234567-89ab-cdef-0123-456789abcdef';
  return {
    ...Object.fromEntries(outOfOrder),
    ...Object.fromEntries(Object.entries(badPlans).map(([name, fields]) => [`a plan with ${name}`, { acts: [...GREETED, plan(fields)], expected: MALFORMED }])),
    'a plan for another version': { acts: ['take', raw({ welcome: { version: 7 } })], expected: /^SERVER_FAILED VERSION /u },
    'iomap, as a feature that nobody offered': { acts: ['take', raw({ welcome: { version: 1, features: ['iomap'] } })], expected: /^SERVER_FAILED FEATURE /u },
    'a second welcome': { acts: ['take', welcome, welcome], expected: UNEXPECTED },
    'descriptors with a welcome': { acts: ['take', welcome, 'take', { send: hex({ welcome: { version: 1 } }), descriptors: 2 }], expected: UNEXPECTED },
    'descriptors with a plan': { acts: [...GREETED, { send: hex({ mountPlan: good }), descriptors: 2 }], expected: UNEXPECTED },
    'descriptors by the name of roles': { acts: [...GREETED, { send: hex({ source: { descriptors: [1, 2] } }), descriptors: 2 }], expected: UNEXPECTED },
    'another device as its journal': { acts: [...GREETED, needJournal(anyUuid, victim)], expected: /^SOURCE_NOT_FOUND /u },
    'a path as its journal': { acts: [...GREETED, needJournal('../../../dev/sda', 0)], expected: MALFORMED },
    'a journal that nobody has': { acts: [...GREETED, needJournal(anyUuid, 0)], expected: /^SOURCE_NOT_FOUND /u },
    'the journal a second time': { acts: [...GREETED, needJournal(anyUuid, 0), 'take', needJournal(anyUuid, 0)], options: `journal_path=${journal}`, expected: UNEXPECTED },
    'packets without end at once': { acts: ['flood'], expected: UNEXPECTED },
    'packets without end later': { acts: [...GREETED, 'flood'], expected: UNEXPECTED },
    'packets without end at last': { acts: [...PLANNED, 'flood'], expected: UNEXPECTED },
  };
}

t.test('a mount has what its caller asked for, whatever the server says', { skip }, async (t) => {
  const wishes = ['suid', 'dev', 'exec', 'rw', 'atime', 'allow_root', 'fd=0', 'rootmode=104755', 'user_id=4711', 'group_id=4711', 'subtype=hostile', 'source=/dev/sda', 'fsname=/dev/sda', 'context=x', 'blksize=512', 'iomap', 'iomap=on', 'max_read=4096'];
  const options = 'ro,nosuid,nodev,noexec,noatime';
  const label = `\u001b]0;owned\u0007${'x'.repeat(20_000)}`;
  const lies = { kernelOptions: wishes, fuseClones: 64, readOnly: false, label, warnings: Array<string>(500).fill(label.slice(0, 60)) };
  for (const kind of ['image', 'block device'] as const) {
    const bench = new Workbench();
    t.teardown(() => bench.clear());
    const source = kind === 'image' ? bench.image() : bench.loopDevice();
    const { error, result } = await attempt(bench, { acts: [...GREETED, plan(lies), 'take', ready], options }, source);
    t.equal(told(error), 'mounted', kind);
    const entry = bench.mountEntry();
    t.match(entry, { source, device: result?.device, type: kind === 'image' ? 'fuse.fuse4fs' : 'fuseblk.fuse4fs' });
    for (const word of ['ro', 'nosuid', 'nodev', 'noexec', 'noatime', 'user_id=0', 'group_id=0', 'default_permissions', 'max_read=4096']) t.ok(entry?.options.includes(word), `${kind}: ${word}`);
    t.equal(readMounts().filter(({ device }) => device === result?.device).length, 1, 'it is mounted in one place');
    t.ok((result?.label.length ?? 0) <= 2048 && (result?.warnings.length ?? 0) <= 20, 'what it says is bounded');
    t.notMatch(JSON.stringify([result?.label, result?.warnings]), /\\u00(1b|07)/u, 'and harmless to a terminal');
    bench.unmount();
  }
});

t.test('it holds what belongs to its own mount, and nothing of another connection', { skip }, async (t) => {
  const bench = new Workbench();
  t.teardown(() => bench.clear());
  const image = bench.image();
  // As if the helper were at work for somebody else, and had forgotten to close it for its children.
  const others = [...Channel.pair().map(({ fd }) => fd), openSync(bench.image('other'), 'r+'), openSync('/dev/fuse', 'r+')];
  t.teardown(() => closeDescriptors(others));
  for (const fd of others) setCloseOnExec(fd, false);
  const { error } = await attempt(bench, { acts: [...GREETED, 'confess'] }, image);
  if (error?.reason !== 'CONFESSION') throw error ?? new Error('it was mounted');
  const { files, devices } = JSON.parse(error.message) as Confession;
  const [own, ...foreign] = [statSync(image), ...others.slice(0, -1).map((fd) => fstatSync(fd))].map(({ dev, ino }) => `${dev}:${ino}`);
  t.ok(files.includes(own ?? ''), 'its image');
  t.same(files.filter((file) => foreign.includes(file)), [], 'neither files nor sockets of others');
  const { rdev } = statSync('/dev/fuse');
  t.equal(devices.filter((number) => number === rdev).length, 1, '/dev/fuse, once');
});
