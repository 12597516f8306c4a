import t from 'tap';
import { isOurs, mountOn, parseMounts } from '../../helper/mount/mountinfo.js';
import { decodeDevice, inheritedDescriptor, resolveTag } from '../../helper/mount/source.js';

const TABLE = `22 27 0:21 / /proc rw,relatime shared:5 - proc proc rw
45 27 0:44 / /mnt/with\\040space ro,nosuid,relatime - fuse.fuse4fs /images/a\\134b\\011c.img ro,user_id=0,max_read=131072
46 45 7:1 / /mnt/with\\040space rw,relatime shared:1 master:2 - fuseblk.fuse4fs /dev/loop1 rw,blksize=4096
not a line
47 27 0:46 / /other rw - fuse.sshfs host: rw
`;

t.test('mountinfo', async (t) => {
  const mounts = parseMounts(TABLE);
  t.equal(mounts.length, 4);
  t.same(mounts[1], {
    id: 45, parent: 27, device: '0:44', target: '/mnt/with space', type: 'fuse.fuse4fs', source: '/images/a\\b\tc.img',
    options: ['ro', 'nosuid', 'relatime', 'user_id=0', 'max_read=131072'],
  });
  t.same(mounts.filter(isOurs).map(({ id }) => id), [45, 46]);
  t.equal(mountOn('/mnt/with space', mounts)?.id, 46, 'the topmost');
  t.equal(mountOn('/nowhere', mounts), undefined);
});

t.test('sources', async (t) => {
  for (const [text, descriptor] of [['fd:3', 3], ['/proc/self/fd/12', 12], ['/dev/fd/0', 0], ['/proc/thread-self/fd/4', 4]] as const) {
    t.equal(inheritedDescriptor(text), descriptor, text);
  }
  for (const text of ['fd:', 'fd:-1', 'fd:3x', '/proc/1/fd/3', 'x/dev/fd/3', '/dev/fd/3/', 'fd:9999999999']) t.equal(inheritedDescriptor(text), undefined, text);
  for (const path of ['/dev/sda', 'image', 'UUIDs=x', './UUID=x']) t.equal(resolveTag(path), path, path);
  const link = (tag: string, expected: string) => t.throws(() => resolveTag(tag), { code: 'SOURCE_NOT_FOUND', hint: `there is no ${expected}; lsblk -f lists what there is` }, tag);
  link('UUID=ABCD-no-such', '/dev/disk/by-uuid/abcd-no-such');
  link('LABEL="no such/label"', '/dev/disk/by-label/no\\x20such\\x2flabel');
  link('PARTLABEL=../../sda', '/dev/disk/by-partlabel/..\\x2f..\\x2fsda');
});

t.test('device numbers', async (t) => {
  t.same(decodeDevice(0x0701), { major: 7, minor: 1 });
  t.same(decodeDevice(0xfff00fff), { major: 15, minor: 0xfff00 | 0xff });
  t.same(decodeDevice(0x801), { major: 8, minor: 1 });
});
