/** Disks are plugged into a whole system, with its own kernel, udev and systemd, and taken out. plugged.test.ts runs it there. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { attempt, run } from '../../support/command.js';
import { until as patiently } from '../../support/until.js';

const EXCHANGE = '/exchange';
/** Whoever started the kernel looks there for what it is to tell the kernel's console. */
const WISH = join(EXCHANGE, 'wish');
const ANSWER = join(EXCHANGE, 'answer');

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

const lately = async (): Promise<string> => (await run('journalctl', ['--no-pager', '-n', '40'])).toString();
const until = <Result>(what: string, look: () => Promise<Result | undefined> | Result | undefined): Promise<Result> => patiently(what, look, lately);
const untilSo = (what: string, holds: () => Promise<boolean> | boolean): Promise<true> => until(what, async () => ((await holds()) ? true : undefined));

async function tell(command: string): Promise<string> {
  rmSync(ANSWER, { force: true });
  writeFileSync(`${WISH}.new`, command);
  renameSync(`${WISH}.new`, WISH);
  return until(`answer to ${command}`, () => readIfThere(ANSWER));
}

/** The file has another name outside. */
async function plug(name: string, image: string): Promise<void> {
  const answer = await tell(`config ${name}=EXCHANGE/${image}`);
  if (answer !== 'done') throw new Error(answer);
}

/** This kernel takes no disk away that is open, and udev looks into one whenever somebody has written to it. */
const takeOut = (name: string): Promise<true> => untilSo(`${name} is taken out`, async () => (await tell(`remove ${name}`)) === 'done');

async function image(name: string, words: readonly string[], commands: readonly string[] = []): Promise<string> {
  const path = join(EXCHANGE, name);
  await run('truncate', ['-s', '16M', path]);
  await run('mke2fs', ['-q', '-F', '-t', 'ext4', ...words, path]);
  for (const command of commands) await run('debugfs', ['-w', '-R', command, path]);
  return name;
}

const record = (name: string): Readonly<Record<string, unknown>> | undefined => {
  const text = readIfThere(`/run/fuse4fs/automount/${name}.json`);
  return text === undefined ? undefined : (JSON.parse(text) as Readonly<Record<string, unknown>>);
};
const decided = (name: string): Promise<Readonly<Record<string, unknown>>> =>
  until(`what becomes of ${name}`, () => {
    const found = record(name);
    return found === undefined || found['state'] === 'appeared' ? undefined : found;
  });
const forgotten = (name: string): Promise<true> => untilSo(`${name} is forgotten`, () => record(name) === undefined);
/** Of a device whose name may have a dash, as systemd-escape(1) writes it. */
const unitOf = (name: string): string => `fuse4fs-automount@${name.replaceAll('-', '\\x2d')}.service`;
const stateOf = async (name: string): Promise<string> => (await attempt('systemctl', ['is-active', unitOf(name)])).stdout.toString().trim();
/** Whether the service comes to that; it is told to go on a moment before it has. */
const becomes = (name: string, state: string): Promise<true> => untilSo(`${name} is ${state}`, async () => (await stateOf(name)) === state);
/** Whether the journal comes to say it: services do not wait for that. */
const journal = (name: string, words: RegExp): Promise<true> =>
  untilSo(`the journal says ${words.source}`, async () => words.test((await run('journalctl', ['--no-pager', '-o', 'cat', '-u', unitOf(name)])).toString()));
const gone = (path: string): Promise<true> => untilSo(`${path} goes`, () => !existsSync(path));
const udisksKnows = (name: string, words: RegExp): Promise<true> =>
  untilSo(`udisks says ${words.source}`, async () => words.test((await attempt('udisksctl', ['info', '-b', `/dev/${name}`])).stdout.toString()));

t.test('disks that are plugged in', async (t) => {
  mkdirSync('/etc/fuse4fs', { recursive: true });
  const target = '/media/STICK ONE';
  await plug('ubdb', await image('one.img', ['-L', 'STICK ONE']));
  t.match(await decided('ubdb'), { state: 'mounted', target, readOnly: false, label: 'STICK ONE' }, 'mounted under its label, as udev found it');
  t.equal((await run('findmnt', ['-no', 'FSTYPE', target])).toString().trim(), 'fuseblk.fuse4fs');
  t.ok(await becomes('ubdb', 'active'), 'its unit stays');
  writeFileSync(join(target, 'file'), 'one\n');

  await plug('ubdc', await image('twin.img', ['-L', 'STICK ONE']));
  t.match(await decided('ubdc'), { state: 'mounted', target: `${target}-2` }, 'another of the same name');
  await plug('ubdd', await image('damaged.img', ['-L', 'bad'], ['set_super_value state 3']));
  t.match(await decided('ubdd'), { state: 'mounted', target: '/media/bad', readOnly: true }, 'a damaged one');
  t.ok(await journal('ubdd', /mounted read-only, because it is marked as damaged/u));
  await plug('ubde', await image('dirty.img', ['-L', 'dirty'], ['feature needs_recovery']));
  t.match(await decided('ubde'), { state: 'mounted', readOnly: false }, 'one that was not unmounted');
  await plug('ubdf', await image('usb.img', ['-L', 'usb']));
  t.match(await decided('ubdf'), { state: 'mounted', target: '/media/usb' }, 'what is on USB needs no tag');

  await plug('ubdg', await image('internal.img', ['-L', 'internal']));
  await run('udevadm', ['settle']);
  t.equal(await stateOf('ubdg'), 'inactive', 'what is not made to be plugged in starts nothing');

  await run('fuse4fs', ['umount', target]);
  await takeOut('ubdb');
  await forgotten('ubdb');
  t.ok(await gone(target), 'unmounted and taken out, nothing is left of it');
  t.ok(await journal('ubdb', /not mounted any more/u));
  t.ok(await becomes('ubdb', 'inactive'), 'its unit ends with the device');
  await plug('ubdb', 'one.img');
  t.match(await decided('ubdb'), { state: 'mounted', target }, 'plugged in again');
  t.equal(readFileSync(join(target, 'file'), 'utf8'), 'one\n');

  await run('systemctl', ['stop', 'fuse4fs-automount@ubdc.service']);
  await forgotten('ubdc');
  await takeOut('ubdc');
  t.ok(await journal('ubdc', /unmounted from/u), 'a unit that is stopped unmounts');

  // This kernel takes no disk away that is open: udev is told that it did.
  const copying = spawn('sh', ['-c', 'exec 3>"$0/copy"; echo open; cat >&3', '/media/dirty'], { stdio: ['pipe', 'pipe', 'ignore'] });
  await once(copying.stdout, 'data');
  copying.stdin.write('half');
  await run('udevadm', ['trigger', '--action=remove', '/dev/ubde']);
  await forgotten('ubde');
  t.ok(await journal('ubde', /\/media\/dirty is in use: nobody sees it any more/u), 'a disk that goes during a copy is unmounted at once');
  t.ok(await gone('/media/dirty'));
  const ended = once(copying, 'exit');
  copying.stdin.end();
  await ended;
  await takeOut('ubde');
  t.equal((await attempt('e2fsck', ['-fn', join(EXCHANGE, 'dirty.img')])).status, 0, 'with the last who used it its server has ended');
});

const hasMappings = readIfThere('/proc/misc')?.includes('device-mapper') === true;

t.test('a mapping', { skip: !hasMappings && 'the kernel has no device-mapper' }, async (t) => {
  const [before, size, target] = [2048, 32_768, '/media/mapped'];
  const table = (disk: string): string => `0 ${size} linear /dev/${disk} ${before}`;
  const made = async (file: string, label: string): Promise<string> => {
    await run('truncate', ['-s', String((before + size) * 512), join(EXCHANGE, file)]);
    await run('mke2fs', ['-q', '-F', '-t', 'ext4', '-L', label, '-E', `offset=${before * 512}`, join(EXCHANGE, file), String(size / 2)]);
    return file;
  };
  await plug('ubdi', await made('mapped.img', 'mapped'));
  await plug('ubdj', await made('other.img', 'other'));
  await run('udevadm', ['settle']);
  await run('dmsetup', ['create', 'other', '--table', table('ubdj')]);
  await run('udevadm', ['settle']);
  t.equal(await stateOf('dm-0'), 'inactive', 'one on a disk that stays where it is');
  await run('dmsetup', ['create', 'stick', '--table', table('ubdi')]);
  t.match(await decided('dm-1'), { state: 'mounted', target, foundations: ['ubdi'], label: 'mapped' });
  t.equal((await run('findmnt', ['-no', 'SOURCE,FSTYPE', target])).toString().trim().replace(/ +/u, ' '), '/dev/dm-1 fuseblk.fuse4fs');
  t.ok(await becomes('dm-1', 'active'), 'its unit stays');
  writeFileSync(join(target, 'file'), 'one\n');
  // FUSE cannot be frozen.
  await run('dmsetup', ['suspend', '--nolockfs', 'stick']);
  await run('dmsetup', ['resume', 'stick']);
  await run('udevadm', ['settle']);
  t.equal(readFileSync(join(target, 'file'), 'utf8'), 'one\n', 'suspended and resumed, it is mounted');
  t.equal(await stateOf('dm-1'), 'active');
  t.not((await attempt('dmsetup', ['remove', 'stick'])).status, 0, 'in use');
  await run('fuse4fs', ['umount', '/dev/mapper/stick']);
  await untilSo('the mapping is removed', async () => (await attempt('dmsetup', ['remove', 'stick'])).status === 0);
  await forgotten('dm-1');
  t.ok(await becomes('dm-1', 'inactive'), 'its unit ends with it');
  t.ok(await gone(target));

  await run('dmsetup', ['create', 'stick', '--table', table('ubdi')]);
  t.match(await decided('dm-1'), { state: 'mounted', target }, 'made again');
  await untilSo('systemd knows what it lies on', async () => (await run('systemctl', ['show', '-p', 'BindsTo', unitOf('dm-1')])).toString().includes('dev-ubdi.device'));
  await run('udevadm', ['trigger', '--action=remove', '/dev/ubdi']);
  await forgotten('dm-1');
  t.ok(await journal('dm-1', /unmounted from \/media\/mapped/u), 'it goes with its disk');
  t.ok(await gone(target));
  t.equal((await run('systemctl', ['show', '-p', 'BindsTo', unitOf('dm-1')])).toString().includes('ubdi'), false, 'the next of that name is none of its disk’s');
  for (const name of ['stick', 'other']) await untilSo(`${name} is removed`, async () => (await attempt('dmsetup', ['remove', name])).status === 0);
  await takeOut('ubdi');
  await takeOut('ubdj');
});

t.test('what the broker can set in sysfs', async (t) => {
  await run('systemctl', ['start', 'fuse4fs-helper.socket', 'fuse4fs-helper.service']);
  const pid = (await run('systemctl', ['show', '-P', 'MainPID', 'fuse4fs-helper.service'])).toString().trim();
  // What systemd has forked for it sees what systemd sees, up to the program.
  await untilSo('the broker runs', () => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('broker'));
  const script = 'for name; do test -w /sys/devices/$name && echo $name; done; true';
  const writable = (await run('nsenter', ['-t', pid, '-m', 'sh', '-c', script, 'sh', 'platform', 'system', 'virtual', 'virtual/bdi', '../kernel', '../fs'])).toString();
  t.same(writable.trim().split('\n'), ['platform', 'virtual/bdi'], 'drives, and read-ahead');
});

t.test('udisks', async (t) => {
  await plug('ubdh', await image('desktop.img', ['-L', 'desktop']));
  await run('udevadm', ['settle']);
  await run('systemctl', ['start', 'udisks2']);
  await udisksKnows('ubdh', /IdType:\s+ext4\n/u);
  t.match((await run('udisksctl', ['mount', '-b', '/dev/ubdh', '-t', 'fuse4fs'])).toString(), /^Mounted \/dev\/ubdh at \/media\/root\/desktop/u);
  t.equal((await run('findmnt', ['-no', 'FSTYPE', '-S', '/dev/ubdh'])).toString().trim(), 'fuseblk.fuse4fs');
  await run('cp', ['/etc/passwd', '/media/root/desktop/copy']);
  await udisksKnows('ubdh', /MountPoints:\s+\/media\/root\/desktop\n/u);
  t.match((await run('udisksctl', ['unmount', '-b', '/dev/ubdh'])).toString(), /^Unmounted/u);
  await takeOut('ubdh');
  t.equal((await attempt('e2fsck', ['-fn', join(EXCHANGE, 'desktop.img')])).status, 0);

  t.ok(await udisksKnows('ubdf', /MountPoints:\s+\/media\/usb\n/u), 'what was mounted as it appeared, udisks knows');
  t.match((await run('udisksctl', ['unmount', '-b', '/dev/ubdf'])).toString(), /^Unmounted/u, 'and unmounts');
  await takeOut('ubdf');
  await forgotten('ubdf');
});
