/** What a service of libfuse's may have, and what a caller of our server may say. */
import { closeSync, constants, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { readKernelOptions } from '../../helper/libfuse/kernel-options.js';
import { readMountFlags, restrictFlags } from '../../helper/libfuse/mount-flags.js';
import { PermittedFiles } from '../../helper/libfuse/permitted-files.js';
import { serviceAt, serviceOfType } from '../../helper/libfuse/service-socket.js';
import { defaultFlags } from '../../helper/mount/option-table.js';
import type { OpenPacket } from '../../protocol/libfuse/packets.js';
import { readCommandLine } from '../../server/session/libfuse/command-line.js';
import { scratchDirectory } from '../support/scratch.js';

const { O_APPEND, O_CREAT, O_DIRECT, O_EXCL, O_NONBLOCK, O_RDONLY, O_RDWR, O_SYNC, O_TRUNC, O_WRONLY } = constants;
const asking = (path: string, openFlags = O_RDONLY, more: Partial<OpenPacket> = {}): OpenPacket =>
  ({ type: 'open', path, openFlags, createMode: 0o600, requestFlags: 0, blockSize: 0, ...more });

t.test('a service gets the files that the caller named', (t) => {
  const directory = scratchDirectory(t, 'libfuse-policy');
  const [image, journal] = [join(directory, 'image'), join(directory, 'journal')];
  writeFileSync(image, '');
  writeFileSync(journal, '');
  const complaints: string[] = [];
  const files = new PermittedFiles(image, ['ro', `journal=${journal}`, 'name=relative', 'sb=1'], (message) => complaints.push(message));
  const opens = (request: OpenPacket): number => {
    const result = files.open(request);
    if (result < 0) return result;
    closeSync(result);
    return 0;
  };
  t.equal(opens(asking(image)), 0);
  t.equal(opens(asking(image, O_RDWR | O_EXCL | O_NONBLOCK | O_SYNC)), 0);
  t.equal(opens(asking(journal, O_WRONLY)), 0);
  t.same(complaints, []);
  const [EACCES, EINVAL, ENOTBLK] = [-13, -22, -15];
  for (const path of ['/etc/passwd', `${image}/`, `${directory}/./image`, directory, 'relative', '/proc/self/mem', '']) t.equal(opens(asking(path)), EACCES, path);
  for (const flags of [O_CREAT, O_TRUNC, O_APPEND, 0o10000000, 0o20200000, O_RDWR | O_CREAT | O_EXCL, -1 >>> 0]) t.equal(opens(asking(image, flags)), EINVAL, flags.toString(8));
  t.equal(opens(asking(image, O_RDONLY, { type: 'openBlockDevice' })), ENOTBLK);
  t.equal(complaints.length, 15);
  t.equal(opens(asking('/etc/passwd', O_RDONLY, { requestFlags: 1 })), EACCES);
  t.equal(complaints.length, 15, 'quietly');
  t.ok(O_DIRECT > 0);
  t.equal(new PermittedFiles(undefined, [], () => undefined).open(asking('undefined')), EACCES);
  t.end();
});

t.test('a service says some of the kernel’s options', (t) => {
  t.match(readKernelOptions('allow_other,default_permissions,max_read=131072,blksize=1024'), { allowOther: true, defaultPermissions: true, maxRead: 131072, blockSize: 1024 });
  t.match(readKernelOptions('rw,nosuid,user=x,async,sync,dirsync'), { synchronous: true, dirSync: true, allowOther: false });
  t.match(readKernelOptions('context="a:b:c0,c1",ro'), { contexts: [['context', 'a:b:c0,c1']] });
  for (const word of ['fd=3', 'rootmode=40000', 'user_id=0', 'group_id=0', 'subtype=x', 'fsname=x', 'x-a', 'source=/dev/sda', 'norelatime', 'allow_root',
    'max_read', 'max_read=', 'max_read=x', 'max_read=-1', 'max_read=9999999999', 'context=', 'allow_other=1', 'a"b', '=', 'root_nodeid=2']) {
    t.equal(readKernelOptions(`allow_other,${word}`), undefined, word);
  }
  t.end();
});

t.test('flags that are more than a mount', (t) => {
  t.match(readMountFlags(0x2000d9f), { readOnly: true, noSuid: true, noDev: true, noExec: true, synchronous: true, dirSync: true, noSymFollow: true, accessTime: 'noatime', noDirAtime: true, lazyTime: true });
  t.match(readMountFlags(0x1000000), { accessTime: 'strictatime' });
  t.match(readMountFlags(0x208000), { accessTime: 'relatime', readOnly: false });
  const harmless = [0, 1, 2, 3, 4, 7, 8, 10, 11, 15, 21, 24, 25];
  for (let bit = 0; bit < 32; bit++) t.equal(readMountFlags((1 << bit) >>> 0) !== undefined, harmless.includes(bit), `bit ${bit}`);
  t.end();
});

t.test('what the caller ruled out stays ruled out', (t) => {
  t.match(restrictFlags(defaultFlags, []), { noSuid: true, noDev: true, noExec: false, readOnly: false });
  t.match(restrictFlags(defaultFlags, ['suid', 'dev']), { noSuid: false, noDev: false });
  t.match(restrictFlags(defaultFlags, ['suid', 'nosuid']), { noSuid: true });
  t.match(restrictFlags(defaultFlags, ['ro', 'noexec', 'nosymfollow']), { readOnly: true, noExec: true, noSymFollow: true });
  t.match(restrictFlags(defaultFlags, ['ro', 'rw']), { readOnly: false });
  t.match(restrictFlags({ ...defaultFlags, noSuid: true, readOnly: true }, ['suid', 'rw']), { noSuid: true, readOnly: true }, 'the service may be stricter');
  t.end();
});

t.test('where a service listens', (t) => {
  t.same(serviceOfType('fuse.a.b'), { socket: '/run/filesystems/a.b', name: 'a.b' });
  t.same(serviceOfType('fuseblk.fuse.x'), { socket: '/run/filesystems/fuse.x', name: 'fuse.x' }, 'once');
  t.same(serviceOfType('x'), { socket: '/run/filesystems/x', name: 'x' });
  for (const type of ['', 'fuse.', 'fuse.a/b', '../x', '/']) t.throws(() => serviceOfType(type), { code: 'USAGE' }, type);
  t.same(serviceAt('/tmp/s'), { socket: '/tmp/s', name: 's' });
  t.same(serviceAt('s'), { socket: '/run/filesystems/s', name: 's' });
  t.end();
});

t.test('the command line of a mount helper', (t) => {
  const read = (...words: string[]) => readCommandLine(['fuse4fs', ...words]);
  t.match(read('/d', '/m'), { source: '/d', target: '/m', flags: 6, kernel: [], table: [], filesystem: [], offset: 0, sizeLimit: 0, name: undefined, journal: undefined });
  t.match(read('/d', '-o', 'rw,ro', '/m', '-onoatime,suid,dev'), { source: '/d', target: '/m', flags: 0x401, filesystem: ['noatime'] });
  t.match(read('-r', '-n', '-v', '--', '-d', '-m'), { source: '-d', target: '-m', flags: 7, table: ['-n'] });
  t.match(read('/d', '/m', '-o', 'strictatime,nodiratime,noexec,sync,dirsync,nosymfollow,lazytime'), { flags: 0x300099e, filesystem: ['strictatime', 'nodiratime'] });
  t.match(read('/d', '/m', '-o', 'noatime,relatime'), { flags: 6, filesystem: [] });
  t.match(read('/d', '/m', '-o', 'allow_other,context="a,b",x-foo=1,user=me,nofail,sb=3,errors=continue'),
    { kernel: ['allow_other', 'context="a,b"'], table: ['x-foo=1', 'user=me'], filesystem: ['sb=3', 'errors=continue'] });
  t.match(read('/d', '/m', '-o', 'offset=1M,sizelimit=512,fsname=n,journal_path=/j'), { offset: 1048576, sizeLimit: 512, name: 'n', journal: '/j' });
  for (const words of [[], ['/d'], ['/d', '/m', '/x'], ['/d', '/m', '-o'], ['/d', '/m', '-z'], ['/d', '/m', '--help'], ['/d', '/m', '-o', 'offset=x'], ['/d', '/m', '-o', 'offset=99999999999999T']]) {
    t.throws(() => read(...words), { name: 'OptionError' }, words.join(' '));
  }
  t.end();
});
