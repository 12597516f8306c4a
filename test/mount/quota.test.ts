import { openSync, readFileSync, statSync } from 'node:fs';
import t from 'tap';
import { DescriptorDevice } from '../../server/device/descriptor-device.js';
import type { QuotaLimits } from '../../server/ext4/quota/quota.js';
import type { QuotaKind } from '../../server/ext4/quota/quota-tree.js';
import { WritableFilesystem } from '../../server/ext4/writable-filesystem.js';
import { accounts, accountsByDebugfs, ALL_QUOTAS } from '../ext4/quota-workload.js';
import { run } from '../support/command.js';
import { e2fsckComplaints, makeImage } from '../support/image.js';
import { cannotMount } from '../support/machine.js';
import { MemoryDevice } from '../support/memory-device.js';
import { fuseMount } from '../support/mount.js';
import { scratchDirectory } from '../support/scratch.js';

const skip = cannotMount();
const USER = 1000;
const LIMIT = 2 << 20;

const PRELUDE = `
import errno, os, sys
os.chdir(sys.argv[1])
def outcome(act):
    try: act(); return 'ok'
    except OSError as error: return errno.errorcode[error.errno]
def as_user(uid, act):
    os.setegid(uid); os.seteuid(uid)
    try: return outcome(act)
    finally: os.seteuid(0); os.setegid(0)
def put(path, size, piece, flags=0):
    fd = os.open(path, os.O_CREAT | os.O_WRONLY | flags, 0o666)
    try:
        for done in range(0, size, piece): os.write(fd, b'x' * piece)
        os.fsync(fd)
    finally: os.close(fd)
def used(uid): return sum(entry.stat().st_blocks for entry in os.scandir('home') if entry.stat().st_uid == uid) * 512
`;

async function makeLimited(directory: string, limits: readonly (readonly [QuotaKind, number, Partial<QuotaLimits>])[]): Promise<string> {
  const image = await makeImage(directory, { ...ALL_QUOTAS, size: 48 << 20 });
  const device = new DescriptorDevice({ fd: openSync(image, 'r+'), size: statSync(image).size, readOnly: false, name: image });
  const writable = WritableFilesystem.open(device, { barriers: true, mountPoint: '/', discard: false });
  for (const [kind, id, wanted] of limits) {
    writable.change(() => writable.quotas?.[kind]?.setLimits(id, { spaceSoft: 0, spaceHard: 0, inodesSoft: 0, inodesHard: 0, ...wanted }));
  }
  writable.close();
  return image;
}

const mounted = (image: string, options: readonly string[], program: string): Promise<string[]> =>
  fuseMount(image, options, async (target) => (await run('python3', ['-', target], { input: PRELUDE + program })).toString().trim().split('\n'));

t.test('a user fills the disk up to the limit, and again', { skip }, async (t) => {
  const image = await makeLimited(scratchDirectory(t), [['user', USER, { spaceHard: LIMIT, inodesHard: 20 }]]);
  const said = await mounted(image, ['usrquota'], `
os.mkdir('home'); os.chmod('home', 0o777)
for round in range(2):
    print(as_user(${USER}, lambda: put('home/a', ${2 * LIMIT}, 4096)))
    print(as_user(${USER}, lambda: put('home/b', ${2 * LIMIT}, 4096, os.O_DSYNC)))
    print(as_user(${USER}, lambda: put('home/c', 8192, 4096)))
    print(used(${USER}) == ${LIMIT} or used(${USER}))
    print(as_user(1001, lambda: put('home/other', ${LIMIT}, 65536)))
    print(outcome(lambda: put('home/roots', ${LIMIT}, 65536)))
    for name in os.listdir('home'): os.unlink('home/' + name)
    print(as_user(${USER}, lambda: put('home/a', ${LIMIT}, 4096)))
    os.unlink('home/a')
print(as_user(${USER}, lambda: [put('home/%d' % n, 0, 1) for n in range(21)]))
print(len(os.listdir('home')))
`);
  t.strictSame(said, [...Array.from({ length: 2 }, () => ['EDQUOT', 'EDQUOT', 'EDQUOT', 'True', 'ok', 'ok', 'ok']).flat(), 'EDQUOT', '20']);
  t.equal(await e2fsckComplaints(image), undefined);
});

t.test('without the option nothing is refused, and all is accounted', { skip }, async (t) => {
  const image = await makeLimited(scratchDirectory(t), [['user', USER, { spaceHard: 4096 }], ['group', 7, { spaceHard: 4096 }]]);
  const said = await mounted(image, [], `
os.mkdir('home'); os.chmod('home', 0o777)
print(as_user(${USER}, lambda: put('home/a', ${LIMIT}, 65536)))
os.chown('home/a', ${USER}, 7)
print(outcome(lambda: put('home/roots', ${LIMIT}, 65536)))
`);
  t.strictSame(said, ['ok', 'ok']);
  t.equal(await e2fsckComplaints(image), undefined);
  const found = await accountsByDebugfs(image);
  t.ok(found['user']?.includes(`${USER} ${LIMIT} 0 4 1 0 0`), JSON.stringify(found['user']));
  t.ok(found['group']?.includes(`7 ${LIMIT} 0 4 1 0 0`));
  const writable = WritableFilesystem.open(new MemoryDevice(new Uint8Array(readFileSync(image))), { barriers: true, mountPoint: '/', discard: false });
  t.strictSame(accounts(writable), found, 'and read back');
  writable.close();
});

t.test('groups, projects, their free space, and changing hands', { skip }, async (t) => {
  const image = await makeLimited(scratchDirectory(t), [['group', USER, { spaceHard: 16384 }], ['project', 9, { spaceHard: 20480, inodesSoft: 10 }], ['group', 77, { spaceHard: 4096 }]]);
  const said = await mounted(image, ['grpquota,prjquota'], `
import array, fcntl, struct
os.mkdir('home'); os.chmod('home', 0o777); os.mkdir('project'); os.chmod('project', 0o777)
fd = os.open('project', os.O_RDONLY)
buffer = bytearray(28)
fcntl.ioctl(fd, 0x801c581f, buffer, True)
fcntl.ioctl(fd, 0x401c5820, struct.pack('<IIIII8x', 0x200, 0, 0, 9, 0))
def size(path): now = os.statvfs(path); return (now.f_blocks, now.f_bfree, now.f_ffree)
print(*size('project'))
before = size('.')
print(as_user(1001, lambda: put('project/a', 12288, 4096)))
print(*size('project'))
print([now - then for now, then in zip(size('.'), before)])
print(as_user(1001, lambda: put('project/b', 4096, 4096)))
print(as_user(1001, lambda: put('project/c', 4096, 4096)))
print(as_user(${USER}, lambda: put('home/a', 12288, 4096)))
print(as_user(${USER}, lambda: put('home/b', 8192, 4096)))
os.setgroups([77])
print(as_user(${USER}, lambda: os.chown('home/a', -1, 77)))
print(os.stat('home/a').st_gid)
print(outcome(lambda: os.chown('home/a', -1, 77)))
`);
  // The directory has a block and an inode itself.
  t.strictSame(said, ['5 4 9', 'ok', '5 1 8', '[0, -3, -1]', 'ok', 'EDQUOT', 'ok', 'EDQUOT', 'EDQUOT', String(USER), 'ok']);
  t.equal(await e2fsckComplaints(image), undefined);
});

t.test('project quotas on a filesystem without projects', { skip }, async (t) => {
  const image = await makeImage(scratchDirectory(t), { size: 16 << 20, features: ['quota'] });
  await t.rejects(fuseMount(image, ['prjquota'], () => Promise.resolve()), { message: /prjquota/ });
});
