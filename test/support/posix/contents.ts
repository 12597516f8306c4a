import { release } from 'node:os';
import { asOther, asUser, differing, differingWithoutIomap, pairs, posixCase, type Case } from './case.js';

const BLOCK = 4096;
/** Whose ext4 is the oracle. */
const KERNEL = Number.parseInt(release(), 10);
const SAME_SIZE = 'the client keeps the times of what it caches, and changes them only where the size changes';
const ZEROS_WRITTEN = 'the kernel (before 7) writes zeros where it would have to split an extent for a short range; here that is unwritten, and a hole';
const LAST_BLOCK = 'the kernel frees the last block of a file as well where a hole ends with the file';
const UNKNOWN_MODE = 'the client refuses modes that it does not know before anyone looks at the range';
const NO_LARGEST_SIZE = 'the client knows of no largest size: it caches what is beyond, and fails when it is written back';

/** Sizes about the edges of blocks and pages. */
const SIZES = [0, 1, 5, 4095, 4096, 4097, 8192, 10_000, 65_536, 1_048_577] as const;

const resizing = (): Case[] =>
  pairs(SIZES, SIZES.slice(0, 8)).map(([before, after]) =>
    differingWithoutIomap(before === after ? SAME_SIZE : undefined, posixCase(
      `from ${before} to ${after} bytes and back`,
      `open 0 x CREAT|RDWR 644;write 0 *${before};fsync 0;fstat 0;blocks x;ftruncate 0 ${after};fstat 0;fsync 0;blocks x`,
      `pread 0 0 2000000;truncate x ${before};fstat 0;pread 0 0 2000000;fsync 0;blocks x`,
    )),
  );

const writing = (): Case[] => [
  ...pairs([0, 1, 4095, 4096, 10_000, 1_000_000, 5_000_000_000, 4_398_046_511_104], [1, 4096, 5000]).map(([offset, length]) =>
    posixCase(`${length} bytes at ${offset}`, `open 0 x CREAT|RDWR 644;pwrite 0 ${offset} *${length};fstat 0;pread 0 ${offset} 10000;pread 0 ${Math.max(0, offset - 10)} 20;fsync 0;fstat 0;blocks x`),
  ),
  posixCase('nothing changes nothing', 'open 0 x CREAT|RDWR 644;fstat 0;write 0 "";fstat 0;pwrite 0 100 "";fstat 0'),
  posixCase('times of a write', 'open 0 x CREAT|RDWR 644;fstat 0;write 0 data;fstat 0;fsync 0;fstat 0;write 0 more;fstat 0;close 0;stat x'),
  posixCase('writing without leave', 'open 0 x CREAT|RDONLY 644;write 0 data;ftruncate 0 0;fallocate 0 0 0 10;open 1 x WRONLY;read 1 1;pread 1 0 1'),
  posixCase('closed descriptors', 'open 0 x CREAT|RDWR 644;close 0;write 0 data;read 0 1;fstat 0;fsync 0;ftruncate 0 0;lseek 0 0 SET'),
  posixCase('append goes to the end', 'open 0 x CREAT|RDWR|APPEND 644;write 0 one;lseek 0 0 SET;write 0 two;pread 0 0 10;lseek 0 0 CUR'),
  posixCase('vectors', 'open 0 x CREAT|RDWR 644;pwritev 0 10 one *5000 two *0 three;fstat 0;pread 0 5005 30;pread 0 0 20'),
  posixCase('truncate past what a file can hold', 'open 0 x CREAT|RDWR 644;ftruncate 0 17592186040320;fstat 0;ftruncate 0 17592186044415;fstat 0;ftruncate 0 17592186044416;ftruncate 0 9223372036854775807;ftruncate 0 -1;fstat 0'),
  posixCase('many small ones', 'open 0 x CREAT|RDWR 644;repeat 2000 write 0 line#%20;fstat 0;pread 0 0 100000;fsync 0;blocks x'),
  posixCase('every other block', 'open 0 x CREAT|RDWR 644;repeat 100 pwrite 0 #0000 x;fstat 0;fsync 0;blocks x;pread 0 0 1000000'),
  posixCase('direct', 'open 0 x CREAT|RDWR|DIRECT 644;write 0 *8192;fstat 0;pread 0 0 8192;pread 0 4096 4096;fsync 0;blocks x'),
  posixCase('direct over cached', 'open 0 x CREAT|RDWR 644;write 0 *20000;open 1 x RDWR|DIRECT;pwrite 1 4096 *4096;pread 0 0 20000;pwrite 0 5000 hello;pread 1 4096 4096;fstat 0'),
  posixCase('synchronously', 'open 0 x CREAT|RDWR|SYNC 644;write 0 *10000;fstat 0;blocks x;open 1 x DSYNC|WRONLY;write 1 hello;stat x'),
  posixCase('no space for a user beyond the reserve is no concern of small files', `chmod . 777;${asUser};open 0 x CREAT|RDWR 644;write 0 *100000;fsync 0;blocks x`),
];

const truncating = (): Case[] => [
  posixCase('of what is no file', 'mkdir d 755;mknod p p 644;symlink d s;symlink no t;truncate d 0;truncate s 0;truncate t 0;truncate no 0;lstat d'),
  posixCase('as others', `open 0 x CREAT|RDWR 644;write 0 hello;${asUser};truncate x 0;as 0 0;chmod x 666;${asUser};truncate x 2;lstat x;truncate x -1`),
  differingWithoutIomap(SAME_SIZE, posixCase('times when the size stays', 'open 0 x CREAT|RDWR 644;write 0 hello;fsync 0;lstat x;truncate x 5;lstat x;ftruncate 0 5;lstat x')),
  posixCase('times when it grows and shrinks', 'open 0 x CREAT|RDWR 644;lstat x;truncate x 50;lstat x;ftruncate 0 5;lstat x'),
  posixCase('what was cut off stays gone', 'open 0 x CREAT|RDWR 644;write 0 *10000;ftruncate 0 100;ftruncate 0 10000;pread 0 0 10000;pread 0 90 20;fsync 0;pread 0 90 20;blocks x'),
  posixCase('what was cut off stays gone after write-back', 'open 0 x CREAT|RDWR 644;write 0 *10000;fsync 0;ftruncate 0 100;fsync 0;ftruncate 0 10000;fsync 0;fadvise 0;pread 0 90 20;blocks x'),
  posixCase('under a mapping', 'open 0 x CREAT|RDWR 644;write 0 *8192;mmapread 0 4096 4096;ftruncate 0 100;child mmapread 0 4096 10;mmapread 0 0 200'),
];

const seeking = (): Case[] => {
  const shapes = {
    empty: '',
    'all data': 'write 0 *20000',
    'all hole': 'ftruncate 0 20000',
    'hole then data': 'pwrite 0 8192 *4096',
    'data then hole': 'write 0 *4096;ftruncate 0 20000',
    'data, hole, data': 'write 0 *4096;pwrite 0 12288 *5000',
    preallocated: 'fallocate 0 0 0 20000',
    'preallocated and written in the middle': 'fallocate 0 0 0 40960;pwrite 0 8192 *4096',
    'preallocated past the end': 'write 0 *5000;fallocate 0 KEEP_SIZE 0 40960',
    'punched': 'write 0 *40960;fallocate 0 PUNCH_HOLE|KEEP_SIZE 4096 8192',
    'zeroed': 'write 0 *40960;fallocate 0 ZERO_RANGE 4096 8192',
  };
  return pairs(Object.entries(shapes), ['', 'fsync 0']).map(([[shape, make], sync]) =>
    differing(shape === 'zeroed' && KERNEL < 7 ? ZEROS_WRITTEN : undefined, posixCase(
      `${shape}${sync === '' ? '' : ', written back'}`,
      'open 0 x CREAT|RDWR 644',
      make,
      sync,
      ...[-1, 0, 1, 4095, 4096, 8192, 12_287, 12_288, 19_999, 20_000, 30_000, 50_000].flatMap((offset) => [`lseek 0 ${offset} DATA`, `lseek 0 ${offset} HOLE`]),
      'lseek 0 0 END;lseek 0 -5 CUR;lseek 0 -100000 CUR;lseek 0 5 9;fstat 0',
    )),
  );
};

const ALLOCATIONS = ['0', 'KEEP_SIZE', 'PUNCH_HOLE|KEEP_SIZE', 'PUNCH_HOLE', 'ZERO_RANGE', 'ZERO_RANGE|KEEP_SIZE', 'UNSHARE_RANGE', '128'] as const;
const RANGES = [[0, 4096], [0, 100], [100, 5000], [4096, 8192], [10_000, 10_000], [19_000, 5000], [20_000, 4096], [100_000, 4096], [0, 0], [0, -1], [-1, 10]] as const;

const allocating = (): Case[] => [
  ...pairs(ALLOCATIONS, RANGES).map(([mode, [offset, length]]) =>
    differing(mode.startsWith('PUNCH_HOLE|') && offset + length === 20_000 && KERNEL >= 7 ? LAST_BLOCK : undefined, posixCase(
      `${mode} of ${length} at ${offset}`,
      `open 0 x CREAT|RDWR 644;write 0 *20000;fsync 0;fstat 0;fallocate 0 ${mode} ${offset} ${length};fstat 0;fsync 0;blocks x;pread 0 0 200000;fadvise 0;pread 0 0 200000;fstat 0`,
    )),
  ),
  ...ALLOCATIONS.flatMap((mode) => [
    posixCase(`${mode} of an empty file`, `open 0 x CREAT|RDWR 644;fallocate 0 ${mode} 0 ${3 * BLOCK};fstat 0;fsync 0;blocks x;pread 0 0 20000;write 0 hello;pread 0 0 20000;fsync 0;blocks x`),
    posixCase(`${mode} of what is no file`, `mkdir d 755;open 0 d RDONLY;fallocate 0 ${mode} 0 4096;mknod p p 644;open 0 p RDWR;fallocate 0 ${mode} 0 4096;open 0 f CREAT|RDONLY 644;fallocate 0 ${mode} 0 4096`),
    differing(['UNSHARE_RANGE', '128'].includes(mode) ? UNKNOWN_MODE : undefined, posixCase(`${mode} past what a file can hold`, `open 0 x CREAT|RDWR 644;fallocate 0 ${mode} 17592186040320 1000000;fallocate 0 ${mode} 9223372036854775800 100;fstat 0`)),
    posixCase(`${mode} over what is dirty`, `open 0 x CREAT|RDWR 644;write 0 *20000;fallocate 0 ${mode} 3000 9000;pread 0 0 20000;fstat 0;fsync 0;fadvise 0;pread 0 0 20000;blocks x`),
  ]),
  posixCase('much at once', 'open 0 x CREAT|RDWR 644;fallocate 0 0 0 50000000;fstat 0;fsync 0;blocks x;fallocate 0 PUNCH_HOLE|KEEP_SIZE 1000000 40000000;blocks x;ftruncate 0 0;fsync 0;blocks x'),
  differing(
    'what fails leaves no trace; the kernel leaves what it had reserved until then',
    posixCase('more than there is', 'open 0 x CREAT|RDWR 644;fallocate 0 0 0 5000000000;fstat 0;ftruncate 0 0;fsync 0;blocks x'),
  ),
  posixCase('truncation frees what was allocated past the end', 'open 0 x CREAT|RDWR 644;write 0 *5000;fallocate 0 KEEP_SIZE 0 100000;fsync 0;blocks x;ftruncate 0 5000;fsync 0;blocks x'),
];

const copying = (): Case[] => [
  ...pairs([[0, 0, 5], [0, 0, 20_000], [5, 100, 3000], [4096, 4096, 4096], [19_000, 0, 5000], [20_000, 0, 10], [0, 50_000, 20_000], [30_000, 0, 10], [0, 0, 0]] as const, ['', 'fsync 0']).map(([[from, to, length], sync]) =>
    posixCase(`copy ${length} from ${from} to ${to}${sync === '' ? '' : ', written back'}`, 'open 0 x CREAT|RDWR 644;write 0 *20000', sync, `open 1 y CREAT|RDWR 644;write 1 before;fstat 1;fstat 0;copy 0 ${from} 1 ${to} ${length};fstat 1;fstat 0;pread 1 0 100000;fsync 1;pread 1 0 100000`),
  ),
  posixCase('copy within a file', 'open 0 x CREAT|RDWR 644;write 0 *20000;copy 0 0 0 10000 5000;copy 0 0 0 100 5000;pread 0 0 30000;fstat 0'),
  posixCase('copy of holes', 'open 0 x CREAT|RDWR 644;pwrite 0 100000 end;open 1 y CREAT|RDWR 644;copy 0 0 1 0 200000;fstat 1;pread 1 0 200000'),
  posixCase('copy without leave', 'open 0 x CREAT|RDWR 644;write 0 hello;open 1 y CREAT|RDONLY 644;copy 0 0 1 0 5;open 2 x WRONLY;open 3 z CREAT|RDWR 644;copy 2 0 3 0 5;open 4 w CREAT|APPEND|RDWR 644;copy 0 0 4 0 5;mkdir d 755;open 5 d RDONLY;copy 5 0 3 0 5;copy 0 0 5 0 5'),
  posixCase('sendfile', 'open 0 x CREAT|RDWR 644;write 0 *20000;open 1 y CREAT|RDWR 644;sendfile 1 0 100 10000;fstat 1;pread 1 0 20000'),
];

const mapping = (): Case[] => [
  posixCase('a shared mapping writes', 'open 0 x CREAT|RDWR 644;write 0 *10000;fsync 0;fstat 0;mmapwrite 0 4096 hello;pread 0 4090 20;fsync 0;fadvise 0;pread 0 4090 20;fstat 0'),
  posixCase('a private mapping does not', 'open 0 x CREAT|RDWR 644;write 0 *10000;mmapprivate 0 0 hello;pread 0 0 20'),
  posixCase('a mapping of a hole is filled', 'open 0 x CREAT|RDWR 644;ftruncate 0 40960;mmapwrite 0 8192 *4096;fsync 0;blocks x;pread 0 0 50000'),
  posixCase('a mapping of what was preallocated', 'open 0 x CREAT|RDWR 644;fallocate 0 0 0 40960;mmapwrite 0 8192 *100;fsync 0;blocks x;pread 0 8000 500'),
  posixCase('a mapping does not grow a file', 'open 0 x CREAT|RDWR 644;write 0 hello;mmapwrite 0 0 *4096;fstat 0;ftruncate 0 100;pread 0 0 200'),
  posixCase('mapping without leave', 'open 0 x CREAT|RDWR 644;write 0 hello;open 1 x RDONLY;mmapwrite 1 0 a;mmapprivate 1 0 a;mmapread 1 0 5;open 2 x WRONLY;mmapread 2 0 5;mkdir d 755;open 3 d RDONLY;mmapread 3 0 5'),
  posixCase('mapping and access time', 'open 0 x CREAT|RDWR 644;write 0 hello;fsync 0;fstat 0;mmapread 0 0 5;fstat 0'),
  posixCase('past the end of a mapped file', 'open 0 x CREAT|RDWR 644;write 0 hello;child mmapread 0 4096 5;mmapread 0 0 10'),
];

const unlinked = (): Case[] => [
  posixCase('an unlinked file goes on', 'open 0 x CREAT|RDWR 644;write 0 hello;fstat 0;unlink x;fstat 0;write 0 more;pread 0 0 20;fstat 0;ftruncate 0 3;fsync 0;fstat 0;stat x;readdir .'),
  posixCase('an unlinked file changes its attributes', 'open 0 x CREAT|RDWR 644;unlink x;fstat 0;fchmod 0 600;fstat 0;fchown 0 7 8;fstat 0;futimens 0 1 2;fstat 0;setxattr x user.a b;fallocate 0 0 0 10000;fstat 0'),
  posixCase('an unlinked file is written back', 'open 0 x CREAT|RDWR 644;write 0 *100000;unlink x;fsync 0;fadvise 0;pread 0 0 100000;fstat 0'),
  posixCase('an unlinked file gets no new name', 'open 0 x CREAT|RDWR 644;unlink x;linkfd 0 y;linkempty 0 y;fstat 0;readdir .'),
  posixCase('a new file of the same name is another', 'open 0 x CREAT|RDWR 644;write 0 old;unlink x;open 1 x CREAT|RDWR 600;write 1 new;pread 0 0 10;pread 1 0 10;fstat 0;fstat 1;samefd 0 x;samefd 1 x'),
  posixCase('an unlinked file with another name', 'open 0 x CREAT|RDWR 644;write 0 hello;link x y;fstat 0;unlink x;fstat 0;stat y;write 0 more;open 1 y RDONLY;read 1 20;unlink y;fstat 0'),
  posixCase('a removed directory that is open', 'mkdir d 755;open 0 d DIRECTORY;fstat 0;rmdir d;fstat 0;openat 1 0 x CREAT 644;openat 1 0 . DIRECTORY;openat 1 0 .. DIRECTORY;fchmod 0 700;fstat 0;fchdir 0;stat .'),
  posixCase('an unlinked file is mapped', 'open 0 x CREAT|RDWR 644;write 0 *8192;unlink x;mmapwrite 0 4096 hello;mmapread 0 4096 5;pread 0 4096 5'),
  posixCase('many unlinked files', 'repeat 30 open # f# CREAT|RDWR 644;repeat 30 write # data#;repeat 30 unlink f#;repeat 30 write # more#;pread 0 0 20;pread 29 0 20;fstat 17;repeat 30 close #;readdir .'),
];

const locking = (): Case[] => [
  ...pairs(['SH', 'EX'], ['SH|NB', 'EX|NB', 'UN']).map(([first, second]) => posixCase(`flock ${first} and ${second}`, `open 0 x CREAT|RDWR 644;open 1 x RDWR;flock 0 ${first};flock 1 ${second};flock 0 UN;flock 1 ${second};flock 0 EX|NB`)),
  ...pairs(['RDLCK', 'WRLCK'], ['RDLCK', 'WRLCK', 'UNLCK']).flatMap(([first, second]) => [
    posixCase(`record locks ${first} and ${second}`, `open 0 x CREAT|RDWR 644;setlk 0 ${first} 10 20;child setlk 0 ${second} 15 10;child setlk 0 ${second} 30 10;child getlk 0 ${second} 0 0;setlk 0 UNLCK 0 0;child setlk 0 ${second} 15 10`),
    posixCase(`open file description locks ${first} and ${second}`, `open 0 x CREAT|RDWR 644;open 1 x RDWR;ofdlk 0 ${first} 10 20;ofdlk 1 ${second} 15 10;ofdlk 0 UNLCK 0 0;ofdlk 1 ${second} 15 10`),
  ]),
  posixCase('closing any descriptor drops record locks', 'open 0 x CREAT|RDWR 644;open 1 x RDWR;setlk 0 WRLCK 0 0;child getlk 0 WRLCK 0 0;close 1;child setlk 0 WRLCK 0 0'),
  posixCase('locks without leave', 'open 0 x CREAT|RDONLY 644;setlk 0 WRLCK 0 0;setlk 0 RDLCK 0 0;flock 0 EX;open 1 x WRONLY;setlk 1 RDLCK 0 0;mkdir d 755;open 2 d RDONLY;flock 2 EX;setlk 2 RDLCK 0 0'),
  posixCase('locks on an unlinked file', 'open 0 x CREAT|RDWR 644;dup 1 0;unlink x;flock 0 EX;flock 1 EX|NB;setlk 0 WRLCK 0 10;child setlk 0 WRLCK 5 10'),
];

const syncing = (): Case[] => [
  posixCase('fsync of everything', 'open 0 x CREAT|RDWR 644;write 0 data;fsync 0;fdatasync 0;syncfs 0;mkdir d 755;open 1 d RDONLY;fsync 1;fdatasync 1;syncfs 1;open 2 x RDONLY;fsync 2;open 3 x PATH;fsync 3;unlink x;fsync 0'),
  posixCase('fsync of a FIFO', 'mknod p p 644;open 0 p RDWR;fsync 0'),
  posixCase('fsync leaves the times', 'open 0 x CREAT|RDWR 644;write 0 data;fstat 0;fsync 0;fstat 0;fdatasync 0;fstat 0;syncfs 0;fstat 0'),
];

/** The last to run: errors of write-back are told to whoever syncs next, whatever the file. */
const limits = (): Case[] => [differingWithoutIomap(NO_LARGEST_SIZE, posixCase('past what a file can hold', 'open 0 x CREAT|RDWR|SYNC 644;pwrite 0 17592186040320 a;pwrite 0 17592186044414 a;pwrite 0 17592186044415 a;pwrite 0 9223372036854775807 a;pwrite 0 -1 a;fstat 0'))];

const others = (): Case[] => [posixCase('a user reads what root wrote and was not written back', `open 0 x CREAT|RDWR 644;write 0 hello;${asUser};open 1 x RDONLY;read 1 10;${asOther};open 2 x RDWR;open 2 x RDONLY;read 2 10`)];

export const contents = { resizing, writing, truncating, seeking, allocating, copying, mapping, unlinked, locking, syncing, others, limits };
