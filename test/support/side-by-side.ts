/** The same program in a tree of the kernel's ext4 and in one of ours: what it prints has to be the same. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { run } from './command.js';
import { e2fsckComplaints, makeImage, type ImageRecipe } from './image.js';
import { fuseMount, kernelMount } from './mount.js';
import { scratchDirectory } from './scratch.js';

/**
 * What programs have at hand. `remark` tells a number that may differ. `call` prints what a system call gave, or its errno; `times` tells which
 * times of a file changed since it was last asked; `ioctl` takes and gives bytes; `user` acts as another.
 */
const PRELUDE = `
import array, ctypes, errno, fcntl, os, stat, struct, sys, time
os.chdir(sys.argv[1])
os.umask(0o022)
libc = ctypes.CDLL(None, use_errno=True)
seen = {}
def show(label, value): print(label, value)
def remark(name, value): print('#', name, value)
def call(label, act):
    try: value = act()
    except OSError as error: value = errno.errorcode.get(error.errno, error.errno)
    if isinstance(value, bytes): value = value.hex() if len(value) < 200 else (len(value), hash(value.hex()) and value[:16].hex())
    show(label, value)
    return value
def attributes(path):
    return sorted((name, (lambda v: v.hex() if len(v) < 100 else (len(v), v[:8].hex(), v[-8:].hex()))(os.getxattr(path, name, follow_symlinks=False))) for name in os.listxattr(path, follow_symlinks=False))
def mode(path): return oct(os.lstat(path).st_mode)
def times(path):
    now = os.lstat(path)
    now = (now.st_atime_ns, now.st_mtime_ns, now.st_ctime_ns)
    before, seen[path] = seen.get(path), now
    time.sleep(0.012)
    return None if before is None else ''.join(name for name, one, other in zip('amc', before, now) if one != other)
def ioctl(path, command, value, directory=False):
    fd = os.open(path, os.O_RDONLY)
    try:
        buffer = bytearray(value)
        fcntl.ioctl(fd, command, buffer, True)
        return bytes(buffer)
    finally: os.close(fd)
def write(path, data, offset=0, flags=os.O_CREAT | os.O_RDWR):
    fd = os.open(path, flags, 0o644)
    try: count = os.pwrite(fd, data, offset); os.fsync(fd); return count
    finally: os.close(fd)
def read(path):
    with open(path, 'rb') as file: return file.read()
def as_user(uid, act):
    def inner():
        os.setegid(uid); os.seteuid(uid)
        try: return act()
        finally: os.seteuid(0); os.setegid(0)
    return inner
def acl(*entries):
    tags = dict(u=1, U=2, g=4, G=8, m=16, o=32)
    return struct.pack('<I', 2) + b''.join(struct.pack('<HHI', tags[t], p, i) for t, p, i in entries)
NO = 0xffffffff
sys.stdout.reconfigure(line_buffering=True)
`;

export interface SideBySide {
  readonly recipe?: ImageRecipe;
  /** Mount options for both. */
  readonly options?: readonly string[];
  /** Python; runs in the root of the mount. */
  readonly program: string;
  /** Python; runs after the filesystem was unmounted and mounted again, by the kernel both times. */
  readonly afterwards?: string;
}

/** Lines that a program with that prelude prints. */
export const output = async (program: string, target: string): Promise<string[]> =>
  (await run('python3', ['-', target], { input: PRELUDE + program })).toString().split('\n');

/** Numbers that programs remarked on each side, by name: they are not compared. */
export interface Remarks {
  readonly kernel: ReadonlyMap<string, number>;
  readonly ours: ReadonlyMap<string, number>;
}

const remarksIn = (lines: readonly string[]): ReadonlyMap<string, number> =>
  new Map(lines.map((line) => /^# (\S+) (\d+)$/.exec(line)).flatMap((match) => (match ? [[match[1]!, Number(match[2])]] : [])));

export async function assertSame(t: Test, { recipe = {}, options = [], program, afterwards }: SideBySide): Promise<Remarks> {
  const directory = scratchDirectory(t, 'side');
  const sides = ['kernel', 'ours'] as const;
  const said: Record<(typeof sides)[number], string[]> = { kernel: [], ours: [] };
  for (const side of sides) {
    mkdirSync(join(directory, side));
    const image = await makeImage(join(directory, side), { size: 48 << 20, ...recipe });
    const mount = side === 'kernel' ? kernelMount : fuseMount;
    said[side] = await mount(image, options, (target) => output(program, target));
    t.equal(await e2fsckComplaints(image), undefined, `e2fsck finds nothing (${side})`);
    if (afterwards !== undefined) said[side].push(...(await kernelMount(image, [], (target) => output(afterwards, target))));
  }
  const remarks = { kernel: remarksIn(said.kernel), ours: remarksIn(said.ours) };
  const [kernel, ours] = sides.map((side) => said[side].filter((line) => !line.startsWith('# '))) as [string[], string[]];
  const length = Math.max(kernel.length, ours.length);
  const differences = Array.from({ length }, (_, line) => line)
    .filter((line) => kernel[line] !== ours[line])
    .map((line) => ({ line, before: kernel[line - 1], kernel: kernel[line], ours: ours[line] }));
  t.strictSame(differences, [], `${kernel.length} lines are the same`);
  return remarks;
}
