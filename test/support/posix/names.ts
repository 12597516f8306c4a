import { asOther, asUser, EACH_TYPE, GROUP, pairs, posixCase, USER, type Case } from './case.js';

const LENGTHS = [1, 2, 11, 12, 13, 59, 60, 61, 127, 128, 129, 254, 255, 256, 300] as const;
const TARGET_LENGTHS = [1, 2, 58, 59, 60, 61, 62, 100, 119, 120, 155, 156, 157, 255, 256, 511, 1000, 1023, 1024, 2048, 3000, 4000, 4094, 4095, 4096, 5000] as const;
const ODD_NAMES = { 'a byte that is not UTF-8': '%ff', 'half a character': 'a%c3', 'a newline': 'a%0ab', 'a space': 'a%20b', 'control bytes': '%01%02%7f', 'a backslash': 'a\\b', 'three dots': '...', 'composed and decomposed': 'e%cc%81', 'bytes above 127': '%80%81%fe%ff', 'an emoji': '%f0%9f%98%80' };

const repeated = (length: number, what = 'n'): string => what.repeat(length);

const lengths = (): Case[] =>
  pairs(LENGTHS, EACH_TYPE).map(([length, [type, make]]) =>
    posixCase(`${type} with a name of ${length} bytes`, make(repeated(length)), `lstat ${repeated(length)};readdir .;rename ${repeated(length)} x;rename x ${repeated(length)};unlink ${repeated(length)};rmdir ${repeated(length)};readdir .`),
  );

const odd = (): Case[] =>
  Object.entries(ODD_NAMES).map(([what, name]) =>
    posixCase(`a name with ${what}`, `mknod ${name} f 644;lstat ${name};mkdir d${name} 755;symlink ${name} s;readlink s;stat s;readdir .;rename ${name} t${name};unlink t${name};rmdir d${name};readdir .`),
  );

const targets = (): Case[] => [
  ...TARGET_LENGTHS.map((length) => posixCase(`a link target of ${length} bytes`, `symlink ${repeated(length, 't')} s;lstat s;readlink s;readdir .;blocks s;rename s r;readlink r;unlink r;readdir .`)),
  posixCase('an empty link target', 'symlink "" s;lstat s'),
  posixCase('a link target with odd bytes', 'symlink %ff%01%20x s;readlink s;lstat s'),
  posixCase('reading a link that is none', 'mknod f f 644;mkdir d 755;readlink f;readlink d;readlink no'),
  posixCase('link target as directory', 'mkdir d 755;mknod d/f f 644;symlink d s;lstat s/f;stat s;mknod s/g f 644;readdir d;rmdir s;unlink s;readdir .'),
  posixCase('reading a link and its access time', 'symlink t s;lstat s;readlink s;lstat s'),
  posixCase('relative link up', 'mkdir d 755;mknod f f 644;symlink ../f d/s;stat d/s;same d f'),
  ...[39, 40, 41].map((depth) => posixCase(`a chain of ${depth} links`, `mknod end f 644;symlink end l0;${Array.from({ length: depth - 1 }, (_, index) => `symlink l${index} l${index + 1}`).join(';')};stat l${depth - 1};lstat l${depth - 1}`)),
  posixCase('links in a circle', 'symlink b a;symlink a b;stat a;open 0 a RDONLY;open 0 a CREAT 644;lstat a;chmod a 600;truncate a 0;mkdir a/x 755;unlink a/x'),
];

const paths = (): Case[] => [
  posixCase('a component that is a file', 'mknod f f 644;stat f/x;mkdir f/x 755;unlink f/x;rmdir f/x;open 0 f/x CREAT 644;symlink t f/x;link f f/x;rename f f/x;mknod f/x p 644;readlink f/x;chmod f/x 600;truncate f/x 0'),
  posixCase('a component that is missing', 'stat no/x;mkdir no/x 755;unlink no/x;rmdir no/x;open 0 no/x CREAT 644;symlink t no/x;mknod no/x p 644;readlink no/x;chmod no/x 600'),
  posixCase('an empty path', 'stat "";mkdir "" 755;unlink "";rmdir "";open 0 "" CREAT 644;mknod "" p 644;chmod "" 600;rename "" x'),
  posixCase('a path of 4096 bytes', `stat ${repeated(2047, 'a/')}a;stat ${repeated(2048, './')};stat ./${repeated(2046, './')}.;mkdir ${repeated(2048, './')}d 755`),
  posixCase('deep directories', 'mkdir d 755;chdir d;repeat 40 mkdir d 755;mkdir d 755;chdir d;mkdir d 755;chdir d;mkdir e 755;lstat ..;lstat ../..;readdir .'),
  posixCase('a very deep path', ...Array.from({ length: 60 }, (_, index) => `mkdir ${repeated(60, String(index % 10))} 755;chdir ${repeated(60, String(index % 10))}`), 'mknod f f 644;lstat f;lstat .;readdir ..;unlink f'),
  posixCase('a removed working directory', 'mkdir d 755;chdir d;rmdir ../d;stat .;mknod f f 644;mkdir e 755;open 0 . TMPFILE|RDWR 600;open 0 f CREAT 644;readdir .;symlink a b;stat ..;lstat ../d;rename ../no f'),
  posixCase('dots', 'mkdir . 755;mkdir .. 755;rmdir .;rmdir ..;unlink .;unlink ..;mknod . f 644;symlink t .;mkdir d 755;rmdir d/.;rmdir d/..;unlink d;rmdir d/;readdir .'),
];

const existing = (): Case[] =>
  EACH_TYPE.flatMap(([type, make]) => [
    posixCase(`everything over an existing ${type}`, make('x'), 'lstat x;lstat .;mkdir x 755;mknod x f 644;mknod x p 644;mknod x c 644 1 3;symlink t x;mknod y f 644;link y x;open 0 x CREAT|EXCL|RDWR 644;bind x;lstat x;lstat y'),
    posixCase(`unlink and rmdir of a ${type}`, make('x'), 'link x y;lstat x;lstat .;rmdir x;unlink x;lstat y;lstat .;unlink y;rmdir y;lstat .;readdir .'),
    posixCase(`unlink with a slash of a ${type}`, make('x'), 'unlink x/;rmdir x/;lstat x;lstat x/;unlink x/y'),
    posixCase(`links to a ${type}`, make('x'), 'lstat x;lstat .;link x y;lstat y;lstat .;same x y;linkfollow x z;lstat z;link no w;link x no/w;readdir .'),
    posixCase(`a ${type} in a set-group-id directory`, `mkdir d 755;chown d 0 ${GROUP};chmod d 2777;lstat d`, make('d/x'), `lstat d/x;${asOther}`, make('d/y'), 'lstat d/y;lstat d'),
    posixCase(`a ${type} as a user`, `chmod . 777;${asUser}`, make('x'), 'lstat x;link x y;rename x z;unlink z;rmdir z;readdir .'),
    posixCase(`removal from a sticky directory of a ${type}`, `mkdir d 755;chmod d 1777;${asUser}`, make('d/x'), `${asOther};unlink d/x;rmdir d/x;rename d/x d/y;link d/x d/l;${asUser};unlink d/x;rmdir d/x;readdir d`),
    posixCase(`the owner of a sticky directory removes a ${type} of another`, `mkdir d 777;chmod d 1777;chown d ${USER} ${GROUP};${asOther}`, make('d/x'), `${asUser};unlink d/x;rmdir d/x;readdir d`),
    posixCase(`removal from a directory of another, of a ${type}`, 'mkdir d 755', make('d/x'), `${asUser};unlink d/x;rmdir d/x;rename d/x y;readdir d`),
    posixCase(`opening a ${type} through a slash`, make('x'), 'open 0 x/ RDONLY|NONBLOCK;open 0 x/. RDONLY|NONBLOCK;open 0 x/.. RDONLY|NONBLOCK;stat x/.'),
  ]);

const nodes = (): Case[] => [
  ...['0 0', '1 3', '255 255', '256 0', '0 256', '4095 1048575', '12 65536', '300 70000'].map((device) => posixCase(`device number ${device}`, `mknod c c 600 ${device};mknod b b 600 ${device};lstat c;lstat b;rename c d;lstat d`)),
  posixCase('nodes of other types', 'mknod x d 755;mknod x l 777;mknod x z 644;lstat x;readdir .'),
  posixCase('device nodes as a user', `chmod . 777;${asUser};mknod c c 600 1 3;mknod b b 600 1 3;mknod p p 600;mknod s s 600;mknod f f 600;mknod c c 600 0 0;readdir .;lstat c`),
  posixCase('device 0:0 as a user: a whiteout', `chmod . 777;${asUser};mknod w c 0 0 0;lstat w;unlink w`),
  posixCase('a bound socket', 'bind s;lstat s;bind s;open 0 s RDONLY;unlink s;readdir .'),
  posixCase('a mode without a type makes a file', 'mknod x z 640;lstat x'),
];

export const names = (): Case[] => [...lengths(), ...odd(), ...targets(), ...paths(), ...existing(), ...nodes()];
