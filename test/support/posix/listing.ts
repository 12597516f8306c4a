import { asUser, EACH_TYPE, pairs, posixCase, type Case } from './case.js';

const SIZES = [0, 1, 10, 50, 200, 1000] as const;

export const listing = (): Case[] => [
  posixCase('types and inode numbers of everything', ...EACH_TYPE.map(([type, make]) => make(type.replace(' ', '-'))), 'readdir .;lstat .'),
  ...SIZES.map((count) => posixCase(`${count} files`, `mkdir d 755;repeat ${count} mknod d/file-# f 644;lstat d;readdir d;opendir 0 d;dirread 0;repeat ${count} unlink d/file-#;readdir d;rmdir d`)),
  ...SIZES.map((count) => posixCase(`${count} directories`, `mkdir d 755;repeat ${count} mkdir d/#-directory 755;lstat d;readdir d;rmdir d;repeat ${count} rmdir d/#-directory;lstat d;rmdir d`)),
  ...pairs([20, 300, 1500], [1, 7, 100]).flatMap(([count, part]) => [
    posixCase(`${count} files removed while they are listed, after ${part}`, `mkdir d 755;repeat ${count} mknod d/f# f 644;opendir 0 d;dirread 0 ${part};dirread 0 -1 remove;dirrewind 0;dirread 0`),
    posixCase(`a place among ${count} files, at ${part}`, `mkdir d 755;repeat ${count} mknod d/f# f 644;opendir 0 d;dirread 0 ${part};dirtell 0 1;dirname 0;dirname 0;dirread 0;dirseek 0 1;dirname 0;dirread 0;dirrewind 0;dirread 0`),
    posixCase(`a place among ${count} files that are removed, at ${part}`, `mkdir d 755;repeat ${count} mknod d/f# f 644;opendir 0 d;dirread 0 ${part};dirtell 0 1;repeat ${Math.floor(count / 2)} unlink d/f#;dirseek 0 1;dirread 0 2000;dirrewind 0;dirread 0`),
  ]),
  posixCase('a listing that grows', 'mkdir d 755;opendir 0 d;dirread 0;repeat 10 mknod d/f# f 644;dirrewind 0;dirread 0;rename d/f1 d/g;dirrewind 0;dirread 0'),
  posixCase('names that were listed and then renamed', 'mkdir d 755;repeat 10 mknod d/f# f 644;readdir d;rename d/f3 d/x;readdir d;rename d/f4 d/f5;readdir d;unlink d/x;readdir d'),
  posixCase('without permission', `mkdir d 755;mknod d/x f 644;chmod d 711;${asUser};readdir d;stat d/x;opendir 0 d;as 0 0;chmod d 744;${asUser};opendir 0 d;stat d/x;dirread 0`),
  posixCase('of what is no directory', 'mknod f f 644;opendir 0 f;opendir 0 no;symlink . s;readdir s'),
  posixCase('long names', ...[1, 100, 200, 254, 255].map((length) => `mknod ${'x'.repeat(length)} f 644`), 'readdir .;lstat .'),
  posixCase('a directory that grew keeps its size', 'mkdir d 755;repeat 500 mknod d/a-rather-long-name-to-fill-blocks-with-# f 644;lstat d;repeat 500 unlink d/a-rather-long-name-to-fill-blocks-with-#;lstat d;mknod d/x f 644;readdir d;rmdir d'),
  posixCase('very many links to a file', 'mknod x f 644;repeat 3000 link x l#;lstat x;link x more;repeat 3000 unlink l#;lstat x'),
  posixCase('rmdir of what is not empty', 'mkdir d 755;mknod d/x f 644;rmdir d;unlink d;lstat d;unlink d/x;rmdir d;rmdir d;lstat .'),
  posixCase('rmdir by permission', `mkdir d 755;mkdir d/e 777;${asUser};rmdir d/e;as 0 0;chmod d 777;${asUser};rmdir d/e;readdir d`),
  posixCase('unlinkat', 'mkdir d 755;mknod d/f f 644;mkdir d/e 755;open 0 d DIRECTORY;unlinkat 0 f 1;unlinkat 0 e 0;unlinkat 0 f 0;unlinkat 0 e 1;readdir d'),
  posixCase('statfs', 'statfs .;mknod f f 644;statfs f;statfs no'),
  posixCase('links counted', 'mkdir d 755;lstat d;mkdir d/a 755;lstat d;mkdir d/b 755;lstat d;rename d/a a;lstat d;lstat .;rmdir d/b;lstat d'),
];
