import { asOther, asUser, differing, EACH_TYPE, GROUP, lines, pairs, posixCase, USER, type Case } from './case.js';

const FLAGS = ['0', 'NOREPLACE', 'EXCHANGE', 'WHITEOUT', 'NOREPLACE|EXCHANGE', 'WHITEOUT|EXCHANGE', 'NOREPLACE|WHITEOUT', '8'] as const;

const SOURCES: [string, string][] = EACH_TYPE.map(([type, make]) => [type, make('a/source')]);
const TARGETS: [string, string][] = [
  ['nothing', ''],
  ...EACH_TYPE.map(([type, make]): [string, string] => [`a ${type}`, make('b/target')]),
  ['a full directory', 'mkdir b/target 755;mkdir b/target/in 755'],
];
const LOOK = 'lstat a/source;lstat b/target;lstat a;lstat b;readdir a;readdir b';

const WITHDRAWN = 'the kernel had put the whiteout in its place before it failed, and withdrew it; here a rename that fails leaves no trace';

/** Each type of source over each type of target, with every flag that means something. */
const matrix = (): Case[] =>
  FLAGS.slice(0, 4).flatMap((flags) =>
    pairs(SOURCES, TARGETS).map(([[source, makeSource], [target, makeTarget]]) =>
      differing(source === 'directory' && target === 'a full directory' && flags === 'WHITEOUT' ? WITHDRAWN : undefined, posixCase(`${source} over ${target}, flags ${flags}`, 'mkdir a 755;mkdir b 755', makeSource, makeTarget, LOOK, `rename2 a/source b/target ${flags}`, LOOK)),
    ),
  );

const inOneDirectory = (): Case[] =>
  pairs(FLAGS, EACH_TYPE).map(([flags, [type, make]]) =>
    posixCase(`${type} within a directory, flags ${flags}`, make('x'), 'mknod y f 600', 'lstat x;lstat y;lstat .', `rename2 x z ${flags}`, `rename2 z y ${flags}`, 'lstat x;lstat y;lstat z;lstat .;readdir .'),
  );

const itself = (): Case[] =>
  pairs(FLAGS.slice(0, 4), ['file', 'directory']).map(([flags, type]) =>
    posixCase(`${type} to its own name, flags ${flags}`, type === 'file' ? 'mknod x f 644' : 'mkdir x 755', 'lstat x;lstat .', `rename2 x x ${flags}`, 'lstat x;lstat .'),
  );

const hardLinks = (): Case[] =>
  FLAGS.slice(0, 4).map((flags) =>
    posixCase(`to another name of the same file, flags ${flags}`, 'mknod x f 644;link x y;lstat x;lstat .', `rename2 x y ${flags}`, 'lstat x;lstat y;lstat .;readdir .'),
  );

const loops = (): Case[] => [
  ...FLAGS.slice(0, 4).flatMap((flags) => [
    posixCase(`a directory into itself, flags ${flags}`, `mkdir d 755;rename2 d d/e ${flags};readdir d`),
    posixCase(`a directory below itself, flags ${flags}`, `mkdir d 755;mkdir d/e 755;rename2 d d/e/f ${flags};readdir d/e`),
    posixCase(`a directory over its parent, flags ${flags}`, `mkdir d 755;mkdir d/e 755;rename2 d/e d ${flags};readdir d`),
    posixCase(`a file over the directory that it is in, flags ${flags}`, `mkdir d 755;mknod d/e f 644;rename2 d/e d ${flags};readdir d`),
    posixCase(`missing source, flags ${flags}`, `mknod y f 644;rename2 x y ${flags};lstat y;rename2 x z ${flags}`),
    posixCase(`missing target directory, flags ${flags}`, `mknod x f 644;rename2 x no/y ${flags};lstat x`),
    posixCase(`a file as directory, flags ${flags}`, `mknod x f 644;mknod y f 644;rename2 x y/z ${flags};rename2 x/z y ${flags}`),
  ]),
  ...['.', '..', 'd/.', 'd/..', 'd/'].flatMap((name) => [
    posixCase(`from ${name}`, `mkdir d 755;rename ${name} new;readdir .`),
    posixCase(`to ${name}`, `mkdir d 755;mkdir e 755;rename e ${name};readdir .`),
    posixCase(`a file to ${name}`, `mkdir d 755;mknod e f 644;rename e ${name};readdir .`),
  ]),
];

const open = (): Case[] => [
  posixCase('over an open file', 'mknod x f 644;open 0 y CREAT|RDWR 644;write 0 hello;fstat 0;rename x y;fstat 0;pread 0 0 10;write 0 more;fstat 0;samefd 0 y;close 0;readdir .'),
  posixCase('of an open file', 'open 0 x CREAT|RDWR 644;write 0 hello;fstat 0;rename x y;fstat 0;samefd 0 y;write 0 more;fstat 0;open 1 y RDONLY;read 1 100'),
  posixCase('over an open directory', 'mkdir x 755;mkdir y 755;open 0 y DIRECTORY;fstat 0;rename x y;fstat 0;openat 1 0 new CREAT 644;readdir .'),
  posixCase('of an open directory', 'mkdir x 755;mkdir y 755;open 0 x DIRECTORY;rename x y/z;openat 1 0 new CREAT|RDWR 644;readdir y/z;openat 2 0 .. DIRECTORY;samefd 2 y'),
  posixCase('of the working directory', 'mkdir x 755;mkdir y 755;chdir x;rename ../x ../y/z;mknod f f 644;readdir ../z;lstat ..'),
  posixCase('dotdot follows', 'mkdir a 755;mkdir b 755;mkdir a/d 755;rename a/d b/d;same b/d/.. b;lstat a;lstat b'),
  posixCase('exchange of directories of different parents', 'mkdir a 755;mkdir b 755;mkdir a/d 700;mkdir b/e 711;lstat a;lstat b;rename2 a/d b/e EXCHANGE;lstat a;lstat b;same a/d/.. a;same b/e/.. b;lstat a/d;lstat b/e'),
  posixCase('exchange of a directory with what is in it', 'mkdir d 755;mkdir d/e 755;rename2 d d/e EXCHANGE;rename2 d/e d EXCHANGE;readdir .;readdir d'),
  posixCase('of a name with many links', 'mknod x f 644;repeat 20 link x l#;lstat x;rename l3 x;lstat x;readdir .'),
  posixCase('back and forth', 'mknod x f 644;repeat 50 rename x x;rename x y;rename y x;lstat x;readdir .'),
  posixCase('over a name with other links', 'mknod x f 644;mknod y f 600;link y z;lstat z;rename x y;lstat z;lstat y;readdir .'),
  posixCase('longest name', `mknod x f 644;rename x ${'n'.repeat(255)};rename ${'n'.repeat(255)} ${'m'.repeat(256)};readdir .`),
];

/** Who may: in sticky and other directories, of one's own and others' files. */
const permissions = (): Case[] => {
  const directories = { open: '777', sticky: '1777', 'of others': '755' };
  const owners = { own: USER, "root's": 0 };
  return pairs(Object.entries(directories), Object.entries(owners)).flatMap(([[where, mode], [whose, owner]]) =>
    pairs(['file', 'directory'], FLAGS.slice(0, 4)).map(([type, flags]) =>
      posixCase(
        `${whose} ${type} from and into a directory ${where}, flags ${flags}`,
        `mkdir from 755;mkdir to 777;chmod from ${mode}`,
        ...lines(type === 'file' ? 'mknod from/x f 644;mknod to/y f 644' : 'mkdir from/x 755;mkdir to/y 755'),
        `chown from/x ${owner} ${GROUP};${asUser};rename2 from/x to/y ${flags};rename2 to/y from/z ${flags};readdir from;readdir to`,
      ),
    ),
  );
};

const sticky = (): Case[] => [
  posixCase('over a file of another in a sticky directory', `mkdir d 755;chmod d 1777;mknod d/root f 644;${asUser};mknod d/mine f 644;rename d/mine d/root;${asOther};rename d/mine d/theirs;readdir d`),
  posixCase('own directory without write permission cannot get another parent', `mkdir a 777;chmod a 777;mkdir b 777;chmod b 777;${asUser};mkdir a/d 500;rename a/d b/d;rename a/d a/e;readdir a`),
  posixCase('whiteout needs mknod', `chmod . 777;${asUser};mknod x f 644;rename2 x y WHITEOUT;readdir .;lstat x`),
];

export const renaming = (): Case[] => [...matrix(), ...inOneDirectory(), ...itself(), ...hardLinks(), ...loops(), ...open(), ...permissions(), ...sticky()];
