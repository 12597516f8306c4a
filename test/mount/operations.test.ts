/** The whole server over a real mount, beside the kernel's own ext4 on the same image. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import t, { type Test } from 'tap';
import type { StatusReport } from '../../server/status/report.js';
import { BareMount, mountsImpossible } from '../support/bare-mount.js';
import { assertQuietAtLast } from '../support/quiet.js';
import { smallImage, type SmallImage } from '../support/small-image.js';

/** What is run in both trees and has to print the same. */
const QUESTIONS: Readonly<Record<string, string>> = {
  'types, modes, owners, sizes, blocks, times, links': 'find . -printf "%p %y %m %U %G %s %b %n %i %l %A@ %T@ %C@\\n" | sort',
  'times of birth and devices': 'stat -c "%n %W %t %T" * | sort',
  contents: 'find . -type f -print0 | sort -z | xargs -0 sha256sum',
  'names and their order': 'ls -f1 directory',
  'extended attributes': 'getfattr -h -R -d -m - . 2>/dev/null | sort',
  statfs: 'stat -f -c "%b %f %a %c %d %S %l" .',
  'inode flags': 'lsattr -d . directory file 2>&1; lsattr -v file 2>&1 | cut -c1-20',
  'missing names': 'cat nothing directory/nothing 2>&1; test -e nothing; echo $?',
  'data and holes': `python3 -c "
import os
for name in ('sparse', 'file', 'empty', 'tiny'):
    fd = os.open(name, os.O_RDONLY)
    for whence in (os.SEEK_DATA, os.SEEK_HOLE):
        for start in (0, 5000, 999424, 1007616, 4999999, 5000000):
            try: print(name, whence, start, os.lseek(fd, start, whence))
            except OSError as error: print(name, whence, start, error.errno)
"`,
  'no way to change anything': 'touch new 2>&1; rm file 2>&1; mkdir d 2>&1; chmod 0 file 2>&1; setfattr -n user.x -v y file 2>&1',
  'odd reads': 'dd if=file bs=7777 skip=13 count=9 2>/dev/null | sha256sum; dd if=file bs=4096 iflag=direct skip=3 count=90 2>/dev/null | sha256sum',
  'file handles': `python3 -c "
import ctypes, os
libc = ctypes.CDLL(None, use_errno=True)
class Handle(ctypes.Structure):
    _fields_ = [('bytes', ctypes.c_uint), ('type', ctypes.c_int), ('data', ctypes.c_ubyte * 128)]
handle, mount = Handle(128, 0), ctypes.c_int()
print(libc.name_to_handle_at(-100, b'directory/deeper', ctypes.byref(handle), ctypes.byref(mount), 0))
root = os.open('.', os.O_RDONLY)
print(os.listdir(libc.open_by_handle_at(root, ctypes.byref(handle), os.O_RDONLY)))
"`,
};

const VARIANTS: readonly (readonly string[])[] = [['-b', '4096'], ['-b', '1024', '-I', '128', '-O', '^extents,^64bit,^metadata_csum'], ['-b', '2048', '-O', 'inline_data']];

const answer = (directory: string, command: string): string =>
  spawnSync('sh', ['-c', command], { cwd: directory, encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } }).stdout;

function kernelMount(t: Test, image: SmallImage): string {
  const directory = mkdtempSync(join(tmpdir(), 'fuse4fs-kernel-'));
  const target = join(directory, 'mnt');
  mkdirSync(target);
  execFileSync('mount', ['-o', 'loop,ro', image.path, target]);
  t.teardown(() => {
    if (spawnSync('umount', [target]).status !== 0) spawnSync('umount', ['-l', target]);
    rmSync(directory, { recursive: true, force: true });
  });
  return target;
}

async function serverMount(t: Test, image: SmallImage): Promise<BareMount> {
  const mount = await BareMount.make({ main: 'server/main.cjs', image: image.path });
  t.teardown(() => mount.unmount());
  return mount;
}

for (const variant of VARIANTS) {
  t.test(`as the kernel: mke2fs ${variant.join(' ')}`, { skip: mountsImpossible }, async (t) => {
    const image = smallImage(...variant);
    t.teardown(() => image.remove());
    const kernel = kernelMount(t, image);
    const ours = await serverMount(t, image);
    for (const [question, command] of Object.entries(QUESTIONS)) {
      t.equal(answer(ours.target, command), answer(kernel, command), question);
    }
    t.equal(await ours.unmount(), 0);
    t.equal(ours.errors.includes('error'), false, ours.errors);
  });
}

t.test('what was read once is read without the server', { skip: mountsImpossible }, async (t) => {
  const image = smallImage();
  t.teardown(() => image.remove());
  const mount = await serverMount(t, image);
  const socket = connect(mount.statusPath);
  const lines = createInterface({ input: socket })[Symbol.asyncIterator]();
  const requests = async (): Promise<StatusReport['requests']> => {
    socket.write('{"request":"status"}\n');
    return (JSON.parse((await lines.next()).value as string) as StatusReport).requests;
  };
  const look = 'find . -ls; find . -size +10k; du -s .; cat file tiny sparse directory/*; ls -l directory; readlink short-link; test -e missing';
  answer(mount.target, look);
  // The second round may still find out what the kernel stops asking about.
  answer(mount.target, look);
  await assertQuietAtLast(t, () => answer(mount.target, look), requests);
  socket.end();
});

t.test('a block device, whose unmount waits for the server', { skip: mountsImpossible }, async (t) => {
  const image = smallImage('-b', '1024');
  t.teardown(() => image.remove());
  const device = execFileSync('losetup', ['--find', '--show', '--read-only', image.path], { encoding: 'utf8' }).trim();
  t.teardown(() => spawnSync('losetup', ['--detach', device]));
  const mount = await BareMount.make({ main: 'server/main.cjs', image: device });
  t.teardown(() => mount.unmount());
  t.equal(answer(mount.target, 'findmnt -no FSTYPE,SOURCE --target .').trim(), `fuseblk.fuse4fs ${device}`);
  const blocks = 'import fcntl, struct; f = open("file"); print([struct.unpack("i", fcntl.ioctl(f, 1, struct.pack("i", n)))[0] > 0 for n in (0, 5, 70, 5000)])';
  t.equal(answer(mount.target, `python3 -c '${blocks}'`).trim(), '[True, True, True, False]', 'FIBMAP');
  const socket = connect(mount.statusPath);
  const lines = createInterface({ input: socket })[Symbol.asyncIterator]();
  t.equal(await mount.unmount(), 0);
  t.same(JSON.parse((await lines.next()).value as string), { event: 'exit', ok: true });
});

t.test('an image that is none', { skip: mountsImpossible }, async (t) => {
  const image = smallImage();
  t.teardown(() => image.remove());
  execFileSync('dd', ['if=/dev/zero', `of=${image.path}`, 'bs=4096', 'count=1', 'conv=notrunc'], { stdio: 'ignore' });
  await t.rejects(BareMount.make({ main: 'server/main.cjs', image: image.path }), { name: 'RefusedError', code: 'NOT_EXT4' });
  await t.rejects(BareMount.make({ main: 'server/main.cjs', image: image.path, options: ['frobnicate'] }), { code: 'BAD_OPTION' });
});
