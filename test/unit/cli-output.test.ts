/** What a terminal would obey does not reach it: not from names, nor labels, nor a server's last words. */
import { spawnSync } from 'node:child_process';
import t from 'tap';
import { fuse4fs } from '../support/mount.js';

const NAME = '/no\u001b]0;owned\u0007\u202esuch\u009b2Jfile';
const asked = (...words: string[]): { stdout: string; stderr: string } => spawnSync(process.execPath, [fuse4fs, ...words], { encoding: 'utf8' });

t.test('for people, controls are replaced', async (t) => {
  const { stderr } = asked('umount', NAME);
  t.match(stderr, /\/no\ufffd\]0;owned\ufffd\ufffdsuch\ufffd2Jfile/u);
  t.notMatch(stderr, /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202e]/u);
  t.match(stderr, /\n$/u, 'and lines end as they do');
});

t.test('programs get them as they are, in JSON', async (t) => {
  const { stdout } = asked('umount', '--json', NAME);
  t.match((JSON.parse(stdout) as { error: { message: string } }).error.message, NAME);
});
