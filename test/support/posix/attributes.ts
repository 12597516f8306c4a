import { asOther, asUser, differingWithoutIomap, EACH_TYPE, GROUP, OTHER_GROUP, OTHER_USER, pairs, posixCase, USER, type Case } from './case.js';

const MODES = ['0', '644', '755', '4755', '2755', '6755', '2745', '2644', '6777', '1777', '7777'] as const;

const changeMode = (): Case[] => [
  ...pairs(MODES, ['file', 'directory']).flatMap(([mode, type]) => {
    const make = type === 'file' ? 'mknod x f 644' : 'mkdir x 755';
    return [
      posixCase(`chmod ${mode} of a ${type} as root`, make, `lstat x;chmod x ${mode};lstat x;chmod x ${mode};lstat x`),
      posixCase(`chmod ${mode} of an own ${type}`, make, `chown x ${USER} ${GROUP};lstat x;${asUser};chmod x ${mode};lstat x`),
      posixCase(`chmod ${mode} of an own ${type} whose group is another's`, make, `chown x ${USER} ${OTHER_GROUP};lstat x;${asUser};chmod x ${mode};lstat x`),
      posixCase(`chmod ${mode} of a ${type} of another`, make, `chown x ${OTHER_USER} ${GROUP};lstat x;${asUser};chmod x ${mode};lstat x`),
    ];
  }),
  ...EACH_TYPE.map(([type, make]) => posixCase(`chmod of a ${type}`, make('x'), 'lstat x;chmod x 751;lstat x')),
  posixCase('fchmod', 'open 0 x CREAT|RDWR 644;fstat 0;fchmod 0 6711;fstat 0;unlink x;fchmod 0 600;fstat 0'),
  posixCase('fchmod by whom opened it and does not own it', `mknod x f 666;chmod x 666;${asUser};open 0 x RDWR;fchmod 0 600;fstat 0`),
];

/** Set-id bits before, and what a change of owner leaves of them. */
const changeOwner = (): Case[] => [
  ...pairs(MODES, [['root', 'as 0 0'], ['the owner', asUser]] as const).flatMap(([mode, [who, as]]) => [
    posixCase(`${who} gives a file with mode ${mode} to a group`, `mknod x f 644;chown x ${USER} ${GROUP};chmod x ${mode};lstat x;${as} ${OTHER_GROUP};chown x -1 ${OTHER_GROUP};lstat x`),
    posixCase(`${who} gives a file with mode ${mode} away`, `mknod x f 644;chown x ${USER} ${GROUP};chmod x ${mode};lstat x;${as};chown x ${OTHER_USER} -1;lstat x`),
    posixCase(`${who} gives a directory with mode ${mode} to a group`, `mkdir x 755;chown x ${USER} ${GROUP};chmod x ${mode};lstat x;${as} ${OTHER_GROUP};chown x -1 ${OTHER_GROUP};lstat x`),
    posixCase(`${who} changes nothing of a file with mode ${mode}`, `mknod x f 644;chown x ${USER} ${GROUP};chmod x ${mode};lstat x;${as};chown x -1 -1;lstat x`),
  ]),
  ...EACH_TYPE.map(([type, make]) => posixCase(`chown of a ${type}`, make('x'), 'lstat x;lchown x 7 8;lstat x;lchown x 4294967294 65536;lstat x')),
  posixCase('chown follows links', 'mknod f f 644;symlink f s;lstat f;lstat s;chown s 7 8;lstat f;lstat s;lchown s 9 10;lstat f;lstat s'),
  posixCase('chown to a group that is not one\'s own', `mknod x f 644;chown x ${USER} ${GROUP};${asUser};chown x -1 ${OTHER_GROUP};lstat x`),
  posixCase('chown to the same owner by the owner', `mknod x f 644;chown x ${USER} ${GROUP};chmod x 6755;lstat x;${asUser};chown x ${USER} ${GROUP};lstat x`),
  posixCase('chown by another', `mknod x f 644;chown x ${USER} ${GROUP};${asOther};chown x ${OTHER_USER} -1;chown x -1 -1;lchown x -1 ${OTHER_GROUP};lstat x`),
  posixCase('fchown of an unlinked file', `open 0 x CREAT|RDWR 644;unlink x;fchown 0 ${USER} ${GROUP};fstat 0`),
  posixCase('a directory made in a set-group-id directory', `mkdir d 755;chown d 0 ${GROUP};chmod d 2755;mkdir d/e 755;lstat d/e;mkdir d/e/f 700;lstat d/e/f`),
];

const SAME_SIZE = 'the client keeps the times of what it caches, and changes them only where the size changes';
const NO_GROUPS = 'the client does not say whether who truncates is in the group of the file: a set-group-id bit without execution stays';
const CACHED_TIME = 'the client shows what was set until it forgets the file; only then the limits of the inode are seen';

const truncationDiffers = (change: string, mode: string, who: string | undefined): string | undefined => {
  if (change === 'truncate to the same size') return SAME_SIZE;
  return change.includes('truncate') && who === 'a user' && ['2767', '6766'].includes(mode) ? NO_GROUPS : undefined;
};

/** What changing contents takes of the set-id bits. */
const killPrivileges = (): Case[] => {
  const changes = {
    write: 'open 0 x WRONLY;write 0 data',
    'write of nothing': 'open 0 x WRONLY;write 0 ""',
    'append': 'open 0 x WRONLY|APPEND;write 0 data',
    truncate: 'truncate x 3',
    ftruncate: 'open 0 x RDWR;ftruncate 0 3',
    'truncate to the same size': 'truncate x 5',
    fallocate: 'open 0 x RDWR;fallocate 0 0 0 100',
    'fallocate KEEP_SIZE': 'open 0 x RDWR;fallocate 0 KEEP_SIZE 0 10000',
    'fallocate PUNCH_HOLE': 'open 0 x RDWR;fallocate 0 PUNCH_HOLE|KEEP_SIZE 0 2',
    copy_file_range: 'open 0 x RDWR;open 1 source RDONLY;copy 1 0 0 0 5',
    'mapped write': 'open 0 x RDWR;mmapwrite 0 0 hey',
    'direct write': 'open 0 x RDWR|DIRECT;write 0 *4096',
  };
  return pairs(Object.entries(changes), ['4777', '2777', '6777', '2767', '6766']).flatMap(([[change, calls], mode]) =>
    [['root', 'as 0 0'], ['a user', asUser]].map(([who, as]) =>
      differingWithoutIomap(truncationDiffers(change, mode, who), posixCase(`${change} by ${who} on mode ${mode}`, `open 0 x CREAT|RDWR 644;write 0 hello;open 1 source CREAT|RDWR 644;write 1 hello;fsync 0;fsync 1;chmod x ${mode};lstat x;${as ?? ''}`, calls, 'lstat x')),
    ),
  );
};

const MOMENTS = ['0', '1.5', '1000000000.123456789', '2147483647.999999999', '2147483648', '4294967295.1', '4294967296', '10000000000.5', '15032385535.999999999', '15032385536', '-1', '-2147483648', '-2147483649', '-1.5', '100000000000'] as const;

const BEYOND_INODE: ReadonlySet<string> = new Set(['15032385535.999999999', '15032385536', '-2147483649', '100000000000']);

const times = (): Case[] => [
  ...MOMENTS.flatMap((moment) => [
    differingWithoutIomap(BEYOND_INODE.has(moment) ? CACHED_TIME : undefined, posixCase(`utimensat to ${moment}`, `mknod x f 644;lstat x;utimens x ${moment} ${moment};times x;open 0 x RDONLY;futimens 0 omit 5;times x;futimens 0 ${moment} omit;times x`)),
    posixCase(`utimensat of a directory to ${moment}`, `mkdir x 755;utimens x ${moment} 7;times x;mknod x/f f 644;utimens x omit ${moment};times x`),
    posixCase(`utimensat of a link to ${moment}`, `symlink no x;utimens x ${moment} 8.000000001 1;times x;utimens x 1 1`),
  ]),
  ...pairs(['now', 'omit', '5.5'], ['now', 'omit', '6.6']).flatMap(([access, modification]) => [
    posixCase(`utimensat ${access} and ${modification} as root`, `mknod x f 644;lstat x;utimens x ${access} ${modification};lstat x`),
    posixCase(`utimensat ${access} and ${modification} of an own file`, `mknod x f 644;chown x ${USER} ${GROUP};chmod x 400;lstat x;${asUser};utimens x ${access} ${modification};lstat x`),
    posixCase(`utimensat ${access} and ${modification} of a writable file of another`, `mknod x f 644;chmod x 666;lstat x;${asUser};utimens x ${access} ${modification};lstat x`),
    posixCase(`utimensat ${access} and ${modification} of a file of another`, `mknod x f 644;lstat x;${asUser};utimens x ${access} ${modification};lstat x`),
    posixCase(`utimensat ${access} and ${modification} after writing`, `open 0 x CREAT|RDWR 644;write 0 data;lstat x;write 0 more;futimens 0 ${access} ${modification};lstat x;fsync 0;lstat x`),
  ]),
  posixCase('times set stay when cached data is written back', 'open 0 x CREAT|RDWR 644;write 0 *100000;futimens 0 100 200;times x;fsync 0;times x;close 0;times x'),
  posixCase('times set stay over chmod, chown, rename and link', 'mknod x f 644;utimens x 100 200;times x;chmod x 600;times x;chown x 7 8;times x;rename x y;times y;link y z;times y;unlink z;times y'),
  posixCase('writing after setting times', 'open 0 x CREAT|RDWR 644;futimens 0 100 200;times x;write 0 hello;lstat x;fsync 0;lstat x'),
  posixCase('reading updates the access time once', 'open 0 x CREAT|RDWR 644;write 0 hello;futimens 0 100 200;fsync 0;open 1 x RDONLY;read 1 5;lstat x'),
  posixCase('reading a file that was not changed since', 'open 0 x CREAT|RDWR 644;write 0 hello;fsync 0;lstat x;open 1 x RDONLY;read 1 5;lstat x;pread 1 0 5;lstat x'),
  posixCase('reading with NOATIME', 'open 0 x CREAT|RDWR 644;write 0 hello;fsync 0;lstat x;open 1 x RDONLY|NOATIME;read 1 5;lstat x'),
  posixCase('listing updates the access time of a directory', 'mkdir d 755;mknod d/f f 644;lstat d;readdir d;lstat d;readdir d;lstat d'),
  posixCase('lookups leave the times of a directory', 'mkdir d 755;mknod d/f f 644;lstat d;stat d/f;stat d/no;open 0 d/f RDONLY;lstat d'),
];

export const attributes = (): Case[] => [...changeMode(), ...changeOwner(), ...killPrivileges(), ...times()];
