import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { missing } from '../support/machine.js';
import { projectRoot } from '../support/native.js';
import { scratchDirectory } from '../support/scratch.js';

const fuse4fs = (...words: string[]): { status: number | null; stdout: string; stderr: string } =>
  spawnSync(process.execPath, [join(projectRoot, 'dist/cli/fuse4fs.cjs'), ...words], { encoding: 'utf8' });

const cannotRun = (...commands: string[]): string | false => (process.getuid?.() === 0 ? missing(...commands) : 'what is made belongs to root');

const filesOf = (root: string): string[] =>
  readdirSync(root, { recursive: true, withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [] : [join(entry.parentPath, entry.name)]));

t.test('install and uninstall', (t) => {
  const root = scratchDirectory(t, 'install');
  const installed = fuse4fs('install', '--root', root, '--json');
  t.equal(installed.status, 0, installed.stderr);
  const { result } = JSON.parse(installed.stdout) as { result: { paths: string[]; listening: boolean } };
  t.equal(result.listening, false, 'nothing of the running system is touched');
  for (const path of result.paths) t.ok(existsSync(join(root, path)) || path.endsWith('fsck.fuse4fs'), path);
  t.equal(readlinkSync(join(root, 'usr/sbin/fsck.fuse4fs')), 'e2fsck');
  const wrapper = join(root, 'usr/sbin/mount.fuse4fs');
  t.equal(statSync(wrapper).mode & 0o777, 0o755);
  t.match(readFileSync(wrapper, 'utf8'), process.execPath, 'it runs with the Node that installed it');
  const service = readFileSync(join(root, 'usr/lib/systemd/system/fuse4fs-server@.service'), 'utf8');
  t.match(service, `ExecStart=${process.execPath} `);

  const copy = spawnSync(process.execPath, [join(root, 'usr/lib/fuse4fs/dist/cli/fuse4fs.cjs'), '--version'], { encoding: 'utf8', cwd: '/' });
  t.equal(copy.status, 0, copy.stderr);
  t.notOk(existsSync(join(root, 'usr/lib/fuse4fs/dist/test')), 'no tests');

  t.equal(fuse4fs('install', '--root', root, '--jitless').status, 0, 'a second time, over the first');
  t.ok(existsSync(join(root, 'etc/systemd/system/fuse4fs-server@.service.d/jitless.conf')));
  const removed = fuse4fs('uninstall', '--root', root);
  t.equal(removed.status, 0, removed.stderr);
  t.same(filesOf(root), [], 'nothing is left');
  t.notOk(existsSync(join(root, 'usr/lib/fuse4fs')));

  const again = fuse4fs('uninstall', '--root', root);
  t.equal(again.status, 1);
  t.match(again.stderr, /is not installed in/u);
  t.end();
});

t.test('systemd makes the group and the directories', { skip: cannotRun('systemd-sysusers', 'systemd-tmpfiles') }, (t) => {
  const root = scratchDirectory(t, 'furnished');
  mkdirSync(join(root, 'etc'));
  // Of a system that has users, but not ours.
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
  writeFileSync(join(root, 'etc/group'), 'root:x:0:\n');
  t.equal(fuse4fs('install', '--root', root).status, 0);
  const furnish = (command: string, ...words: string[]): void => {
    const { status, stderr } = spawnSync(command, [`--root=${root}`, ...words], { encoding: 'utf8' });
    t.equal(status, 0, `${command}: ${stderr}`);
  };
  furnish('systemd-sysusers', 'fuse4fs.conf');
  t.match(readFileSync(join(root, 'etc/group'), 'utf8'), /^fuse4fs:[^:]*:\d+:$/mu, 'a group without members');
  t.equal(readFileSync(join(root, 'etc/passwd'), 'utf8'), 'root:x:0:0:root:/root:/bin/sh\n', 'and no user');
  furnish('systemd-tmpfiles', '--create', 'fuse4fs.conf');
  for (const place of ['run/fuse4fs', 'run/fuse4fs/root', 'run/fuse4fs/mounts', 'run/fuse4fs/automount']) {
    const { mode, uid, gid } = statSync(join(root, place));
    t.same({ mode: mode & 0o7777, uid, gid }, { mode: 0o755, uid: 0, gid: 0 }, place);
  }
  t.equal(fuse4fs('uninstall', '--root', root).status, 0);
  for (const place of ['sysusers.d', 'tmpfiles.d']) t.notOk(existsSync(join(root, 'usr/lib', place, 'fuse4fs.conf')), place);
  t.end();
});

t.test('udisks is told, and what was there is kept', (t) => {
  const root = scratchDirectory(t, 'udisks');
  const [options, types] = [join(root, 'etc/udisks2/mount_options.conf'), join(root, 'etc/filesystems')];
  t.equal(fuse4fs('install', '--root', root, '--udisks').status, 0);
  t.match(readFileSync(options, 'utf8'), /^\[defaults\]\n(.*\n)*ext4_drivers=fuse4fs,ext4\n/mu);
  t.match(readFileSync(options, 'utf8'), /^ext4:fuse4fs_defaults=damaged=ro,errors=remount-ro$/mu);
  t.match(readFileSync(types, 'utf8'), /^fuse4fs\n\*\n/mu, 'the kernel’s types are asked for as before');
  t.equal(fuse4fs('uninstall', '--root', root).status, 0);
  t.same(filesOf(root), [], 'nothing is left');

  const [ownOptions, ownTypes] = ['# mine\n[defaults]\ndefaults=noatime\n\n[/dev/disk/by-label/X]\nvfat_defaults=ro', 'ext4\n*\n'];
  mkdirSync(join(root, 'etc/udisks2'), { recursive: true });
  writeFileSync(options, ownOptions, { mode: 0o640 });
  writeFileSync(types, ownTypes);
  for (const attempt of [1, 2]) {
    const { status, stdout } = fuse4fs('install', '--root', root, '--udisks', '--json');
    t.equal(status, 0, `install ${attempt}`);
    t.same((JSON.parse(stdout) as { result: { changed: string[] } }).result.changed, ['/etc/udisks2/mount_options.conf', '/etc/filesystems']);
    t.ok(readFileSync(options, 'utf8').startsWith(`${ownOptions}\n`), 'what is there stays before it');
    t.equal(readFileSync(options, 'utf8').match(/ext4_drivers/gu)?.length, 1, 'once');
    t.equal(statSync(options).mode & 0o777, 0o640);
    t.ok(readFileSync(types, 'utf8').endsWith(ownTypes), 'and after it');
  }
  t.equal(fuse4fs('uninstall', '--root', root).status, 0);
  t.equal(readFileSync(options, 'utf8').trimEnd(), ownOptions, 'without it, all is as it was');
  t.equal(readFileSync(types, 'utf8'), ownTypes);
  t.end();
});

t.test('an installation that was tampered with removes nothing outside its root', (t) => {
  const root = scratchDirectory(t, 'tampered');
  t.equal(fuse4fs('install', '--root', root).status, 0);
  const record = join(root, 'usr/lib/fuse4fs/installed.json');
  spawnSync('sed', ['-i', 's#/usr/bin/fuse4fs#/../victim#', record]);
  t.not(fuse4fs('uninstall', '--root', root).status, 0);
  t.ok(existsSync(join(root, 'usr/bin/fuse4fs')));
  t.end();
});
