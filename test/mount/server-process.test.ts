/** What the machine shows of a server: its title, and what a core dump of it would hold. */
import { closeSync, mkdirSync, openSync, readFileSync, readSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { attempt, run } from '../support/command.js';
import { makeImage } from '../support/image.js';
import { cannotMount } from '../support/machine.js';
import { fuse4fs, fuseMount } from '../support/mount.js';
import { scratchDirectory } from '../support/scratch.js';
import { serverOf } from '../support/server.js';

const skip = cannotMount();
const MEBIBYTE = 2 ** 20;

interface Mapping {
  readonly from: number;
  readonly to: number;
  /** Of /proc/PID/smaps: "dd" is left out of dumps. */
  readonly flags: readonly string[];
}

function writableMappings(pid: number): Mapping[] {
  const found: Mapping[] = [];
  let range: readonly number[] = [];
  for (const line of readFileSync(`/proc/${pid}/smaps`, 'latin1').split('\n')) {
    const [, from, to] = /^([0-9a-f]+)-([0-9a-f]+) rw/u.exec(line) ?? [];
    if (/^[0-9a-f]+-/u.test(line)) range = from === undefined || to === undefined ? [] : [parseInt(from, 16), parseInt(to, 16)];
    const flags = /^VmFlags: (.*)/u.exec(line)?.[1]?.trim().split(' ');
    if (flags !== undefined && range[0] !== undefined && range[1] !== undefined) found.push({ from: range[0], to: range[1], flags });
  }
  return found;
}

/** Of each mapping in which the text is. */
function mappingsWith(pid: number, text: string): Mapping[] {
  const memory = openSync(`/proc/${pid}/mem`, 'r');
  const bytes = Buffer.alloc(MEBIBYTE);
  const holds = ({ from, to }: Mapping): boolean => {
    for (let at = from; at < to; at += bytes.length) {
      const count = readSync(memory, bytes, 0, Math.min(bytes.length, to - at), at);
      if (bytes.subarray(0, count).includes(text)) return true;
    }
    return false;
  };
  try {
    return writableMappings(pid).filter(holds);
  } finally {
    closeSync(memory);
  }
}

t.test('no block of file contents is in a core dump', { skip }, async (t) => {
  const image = await makeImage(scratchDirectory(t, 'dump'), { size: 32 * MEBIBYTE });
  await fuseMount(image, [], async (target) => {
    const secret = `secret-${process.pid}-${process.hrtime.bigint()}`;
    writeFileSync(join(target, 'file'), secret.repeat(10_000));
    await run('sync', ['-f', target]);
    // Scratch memory may keep a few hundred bytes of a file's end; what is asked is whether a block of it is anywhere.
    const holding = mappingsWith(await serverOf(target), secret.repeat(4096 / secret.length));
    t.ok(holding.length > 0, 'the contents have passed through the server');
    t.same(holding.filter(({ flags }) => !flags.includes('dd')), [], 'and are nowhere but where dumps leave them out');
  });
});

t.test('the title says what is mounted where, in full', { skip }, async (t) => {
  const directory = join(scratchDirectory(t, 'title'), 'long'.repeat(25));
  mkdirSync(join(directory, 'there'), { recursive: true });
  const image = await makeImage(directory, {});
  await fuseMount(image, [], async (target) => {
    const [title] = readFileSync(`/proc/${await serverOf(target)}/cmdline`, 'utf8').split('\0');
    t.equal(title, `fuse4fs-server: ${image} on ${target}`);
  });
});

t.test('what confines it is shown, and asked for', { skip }, async (t) => {
  const image = await makeImage(scratchDirectory(t, 'walls'), {});
  await fuseMount(image, ['confinement=strict'], async (target) => {
    const { mounts } = JSON.parse((await run(process.execPath, [fuse4fs, 'status', '--json'])).toString()) as { mounts: { target: string }[] };
    t.match(mounts.find((mount) => mount.target === target), {
      walls: { capabilities: 'none', noNewPrivileges: true, namespaces: ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'user', 'uts'] },
      confinement: { seccomp: 'filter', missing: [] },
    });
    t.match((await run(process.execPath, [fuse4fs, 'status'])).toString(), /confined {3}user \d+, no capabilities, no_new_privs, seccomp \(\d filters\), landlock \d+, own namespaces: /u);
  });
  for (const [name, what] of [['FUSE4FS_LANDLOCK', 'landlock'], ['FUSE4FS_SECCOMP', 'the filter of system calls']] as const) {
    const mounting = (policy: string) => attempt('env', [`${name}=off`, process.execPath, fuse4fs, image, join(image, '..'), '-o', `confinement=${policy}`]);
    const refused = await mounting('strict');
    t.equal(refused.status, 32);
    t.match(refused.stderr, `confinement=strict: the server has to do without ${what}`);
    t.equal((await mounting('best-effort')).status, 0, 'but without, if that is as good');
    await run(process.execPath, [fuse4fs, 'umount', join(image, '..')]);
  }
});
