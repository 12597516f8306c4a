import { asOther, asUser, EACH_TYPE, GROUP, pairs, posixCase, USER, type Case } from './case.js';

const ACCESS = ['RDONLY', 'WRONLY', 'RDWR'] as const;
/** Without NONBLOCK the open of a FIFO waits for its other end. Devices are left out: what they answer is not the filesystem's. */
const MODIFIERS = ['0', 'CREAT', 'CREAT|EXCL', 'TRUNC', 'APPEND', 'DIRECTORY', 'NOFOLLOW', 'PATH', 'CREAT|DIRECTORY', 'PATH|NOFOLLOW', 'CREAT|TRUNC'] as const;

const TARGETS: [string, string][] = [
  ['nothing', ''],
  ...EACH_TYPE.filter(([type]) => !type.includes('device')).map(([type, make]): [string, string] => [`a ${type}`, make('x')]),
  ['a link to a file', 'mknod y f 644;symlink y x'],
  ['a link to itself', 'symlink x x'],
];

const flagCases = (): Case[] =>
  TARGETS.flatMap(([what, make]) =>
    MODIFIERS.map((modifier) =>
      posixCase(`${what}, ${modifier}`, make, 'lstat .', ...ACCESS.flatMap((access) => [`open 0 x ${access}|${modifier}|NONBLOCK 640`, 'fstat 0']), 'lstat x;lstat nowhere;lstat .;readdir .'),
    ),
  );

const creating = (): Case[] => [
  ...['000', '400', '644', '777', '4755', '2755', '1777', '7777'].flatMap((mode) => [
    posixCase(`open creates with mode ${mode}`, `open 0 x CREAT|RDWR ${mode};fstat 0;write 0 data;fstat 0`),
    posixCase(`open creates with mode ${mode} as a user`, `chmod . 777;${asUser};open 0 x CREAT|RDWR ${mode};fstat 0;write 0 data;fstat 0;open 1 x RDONLY`),
  ]),
  ...['000', '077', '022', '777', '7777'].map((umask) => posixCase(`umask ${umask}`, `umask ${umask};open 0 f CREAT 7777;mkdir d 7777;mknod p p 7777;symlink t s;lstat f;lstat d;lstat p;lstat s`)),
  posixCase('times of what is created and of its directory', 'lstat .;open 0 x CREAT 644;lstat x;lstat .;open 0 x CREAT 644;lstat x;lstat .'),
  posixCase('no write permission in the directory', `mkdir d 755;${asUser};open 0 d/x CREAT 644;mkdir d/y 755;symlink a d/z;mknod d/f f 644;link d d/l`),
  posixCase('no search permission in the directory', `mkdir d 700;mknod d/x f 644;${asUser};open 0 d/x RDONLY;open 0 d/y CREAT 644;stat d/x;open 0 d DIRECTORY`),
  posixCase('read-only file of a user created for writing', `chmod . 777;${asUser};open 0 x CREAT|RDWR 400;write 0 data;open 1 x RDWR;open 1 x RDONLY;read 1 10`),
  posixCase('truncating', 'open 0 x CREAT|RDWR 644;write 0 *10000;fstat 0;open 1 x TRUNC|WRONLY;fstat 0;open 1 x TRUNC|RDONLY;fstat 0;blocks x'),
  posixCase('truncating an empty file changes its times', 'mknod x f 644;lstat x;open 1 x TRUNC|WRONLY;lstat x'),
  posixCase('truncating takes set-user-id as a user', `mknod x f 644;chmod x 6777;lstat x;${asUser};open 0 x TRUNC|WRONLY;lstat x`),
  posixCase('truncating keeps set-user-id as root', 'mknod x f 644;chmod x 6777;lstat x;open 0 x TRUNC|WRONLY;lstat x'),
  posixCase('through a dangling link', 'symlink y x;open 0 x CREAT|EXCL 644;open 0 x CREAT|RDWR 644;lstat y;lstat x'),
  posixCase('as a directory with a slash', 'mknod f f 644;open 0 f/ RDONLY;open 0 new/ CREAT 644;mkdir d/ 755;open 0 d/ RDONLY;stat f/'),
  posixCase('NOATIME by the owner and by others', `mknod x f 644;chown x ${USER} ${GROUP};${asUser};open 0 x NOATIME|RDONLY;${asOther};open 1 x NOATIME|RDONLY`),
  posixCase('reading a directory as a file', 'mkdir d 755;open 0 d RDONLY;read 0 100;open 0 d RDWR;write 0 x'),
  posixCase('append by two', 'open 0 x CREAT|APPEND|WRONLY 644;open 1 x APPEND|RDWR;write 0 one;write 1 two;write 0 three;pwrite 0 0 zero;pread 1 0 100;fstat 0'),
  posixCase('open for execution', 'install /bin/true t;exec t;chmod t 644;exec t;chmod t 111;exec t;open 0 t WRONLY'),
  posixCase('execution as others', `install /bin/true t;chmod t 700;${asUser};exec t;as 0 0;chmod t 755;${asUser};exec t;as 0 0;chmod t 711;${asUser};exec t;open 0 t RDONLY`),
  posixCase('execution of a directory and of text', 'mkdir d 755;exec d;open 0 t CREAT|WRONLY 755;write 0 text;close 0;exec t;exec t/x;exec no'),
];

const unnamed = (): Case[] => [
  posixCase('TMPFILE', 'open 0 . TMPFILE|RDWR 640;fstat 0;write 0 hello;fstat 0;readdir .;pread 0 0 10;lstat .'),
  posixCase('TMPFILE and a name for it', 'lstat .;open 0 . TMPFILE|RDWR 640;fstat 0;write 0 hello;linkfd 0 x;fstat 0;lstat x;readdir .;lstat .;open 1 x RDONLY;read 1 10'),
  posixCase('TMPFILE and a name by an empty path', 'open 0 . TMPFILE|RDWR 640;linkempty 0 x;fstat 0;linkempty 0 y;lstat y;unlink x;unlink y;fstat 0;linkfd 0 z'),
  posixCase('TMPFILE with EXCL gets no name', 'open 0 . TMPFILE|EXCL|RDWR 640;linkfd 0 x;fstat 0;readdir .'),
  posixCase('TMPFILE read-only', 'open 0 . TMPFILE|RDONLY 640'),
  posixCase('TMPFILE in a file', 'mknod f f 644;open 0 f TMPFILE|RDWR 640;open 0 no TMPFILE|RDWR 640'),
  posixCase('TMPFILE over a name', 'mknod f f 644;open 0 . TMPFILE|RDWR 640;linkfd 0 f;linkfd 0 no/f;fstat 0'),
  posixCase('TMPFILE in a set-group-id directory', `mkdir d 755;chown d 0 ${GROUP};chmod d 2777;open 0 d TMPFILE|RDWR 2755;fstat 0;${asOther};open 1 d TMPFILE|RDWR 2755;fstat 1`),
  posixCase('TMPFILE without permission', `mkdir d 755;${asUser};open 0 d TMPFILE|RDWR 640`),
  posixCase('TMPFILE and umask', 'umask 077;open 0 . TMPFILE|RDWR 7777;fstat 0'),
  posixCase('many TMPFILEs', 'repeat 20 open # . TMPFILE|RDWR 600;repeat 20 write # data#;fstat 7;pread 19 0 10;linkfd 7 seven;readdir .'),
  posixCase('PATH reads nothing', 'open 0 f CREAT|RDWR 644;write 0 x;open 1 f PATH;read 1 1;fstat 1;fchmod 1 600;linkempty 1 g;lstat f'),
  posixCase('PATH of a link', 'symlink a s;open 0 s PATH|NOFOLLOW;fstat 0;openat 1 0 x CREAT 644'),
  posixCase('PATH of a directory', 'mkdir d 755;open 0 d PATH|DIRECTORY;openat 1 0 f CREAT|RDWR 644;fchdir 0;readdir .'),
];

const userAccess = (): Case[] =>
  pairs(['000', '400', '200', '100', '040', '020', '004', '002', '001', '060', '006', '666', '777'], [`${USER} 0`, `0 ${GROUP}`, '0 0']).map(([mode, owner]) =>
    posixCase(
      `a user opens a file of ${owner} with mode ${mode}`,
      `mknod x f 644;mkdir d 755;mknod d/in f 644;chown x ${owner};chown d ${owner};chmod x ${mode};chmod d ${mode};${asUser}`,
      'access x R;access x W;access x X;open 0 x RDONLY;open 0 x WRONLY;open 0 x RDWR;open 0 d RDONLY;stat d/in;mknod d/new f 644;unlink d/in;chdir d;truncate x 0',
    ),
  );

export const opening = (): Case[] => [...flagCases(), ...creating(), ...unnamed(), ...userAccess()];
