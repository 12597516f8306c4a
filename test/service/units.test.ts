import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { projectRoot } from '../support/native.js';
import { scratchDirectory } from '../support/scratch.js';

const unit = (name: string): string => join(projectRoot, 'systemd', name);
const hasAnalyze = existsSync('/usr/bin/systemd-analyze');
const withAnalyze = hasAnalyze ? {} : { skip: 'systemd-analyze is not installed' };

/** The overall exposure that systemd-analyze finds, 0 (safe) to 10. */
function exposure(service: string): number {
  const { stdout } = spawnSync('systemd-analyze', ['security', '--offline=yes', unit(service)], { encoding: 'utf8' });
  return Number(/Overall exposure level for \S+: (\d+\.\d+)/.exec(stdout)?.[1] ?? 'none');
}

t.test('the server unit takes away all that can be taken away', withAnalyze, (t) => {
  t.ok(exposure('fuse4fs-server@.service') <= 0.4, `exposure ${exposure('fuse4fs-server@.service')}`);
  t.end();
});

t.test('without a compiler even less is left', withAnalyze, (t) => {
  const directory = scratchDirectory(t, 'jitless');
  const joined = join(directory, 'fuse4fs-server@.service');
  // The drop-in's section is the service's: what it says last counts.
  writeFileSync(joined, readFileSync(unit('fuse4fs-server@.service'), 'utf8') + readFileSync(unit('jitless.conf'), 'utf8'));
  const { stdout } = spawnSync('systemd-analyze', ['security', '--offline=yes', joined], { encoding: 'utf8' });
  const found = Number(/Overall exposure level for \S+: (\d+\.\d+)/.exec(stdout)?.[1] ?? 'none');
  t.ok(found <= 0.3, `exposure ${found}`);
  t.end();
});

t.test('the broker has no more than it needs to mount', withAnalyze, (t) => {
  t.ok(exposure('fuse4fs-helper.service') <= 2.2, `exposure ${exposure('fuse4fs-helper.service')}`);
  const lines = readFileSync(unit('fuse4fs-helper.service'), 'utf8').split('\n');
  const capabilities = lines.flatMap((line) => /^CapabilityBoundingSet=(.+)$/u.exec(line)?.[1] ?? []);
  t.same(capabilities, ['CAP_SYS_ADMIN', 'CAP_SYS_CHROOT', 'CAP_CHOWN', 'CAP_DAC_READ_SEARCH']);
  t.end();
});

t.test('the automount has no more than it needs to mount where everybody sees it', withAnalyze, (t) => {
  t.ok(exposure('fuse4fs-automount@.service') <= 5, `exposure ${exposure('fuse4fs-automount@.service')}`);
  const lines = readFileSync(unit('fuse4fs-automount@.service'), 'utf8').split('\n');
  t.same(lines.flatMap((line) => /^CapabilityBoundingSet=(.+)$/u.exec(line)?.[1] ?? []), ['CAP_SYS_ADMIN', 'CAP_CHOWN']);
  for (const line of ['BindsTo=dev-%i.device', 'Type=oneshot', 'RemainAfterExit=yes', 'NoNewPrivileges=yes']) t.ok(lines.includes(line), line);
  t.notOk(lines.some((line) => /^(Private|Protect|ReadOnly|ReadWrite|Inaccessible|TemporaryFileSystem|Root)/u.test(line)), 'no mount namespace of its own');
  t.end();
});

t.test('systemd understands the units', withAnalyze, (t) => {
  const directory = scratchDirectory(t, 'units');
  const names = ['fuse4fs-server.socket', 'fuse4fs-server@.service', 'fuse4fs-helper.socket', 'fuse4fs-helper.service', 'fuse4fs-automount@.service', 'fuse4fs.slice'];
  for (const name of names) writeFileSync(join(directory, name), readFileSync(unit(name), 'utf8').replaceAll('/usr/bin/node', process.execPath));
  const checked = ['fuse4fs-server.socket', 'fuse4fs-helper.socket', 'fuse4fs-automount@loop0.service', 'fuse4fs.slice'];
  for (const name of ['fuse4fs-automount@loop0.service']) writeFileSync(join(directory, name), readFileSync(join(directory, 'fuse4fs-automount@.service')));
  const { stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', ...checked.map((name) => join(directory, name))], { encoding: 'utf8' });
  t.notMatch(stderr, /fuse4fs\S*:\d+:|Unknown|Failed to parse/u, stderr);
  t.end();
});

t.test('the rule of udev starts it for what can be plugged in', (t) => {
  const rule = readFileSync(unit('90-fuse4fs-automount.rules'), 'utf8').split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  const labels = new Set(rule.flatMap((line) => /^LABEL="(\w+)"$/u.exec(line)?.[1] ?? []));
  for (const line of rule) {
    const target = /GOTO="(\w+)"/u.exec(line)?.[1];
    if (target !== undefined) t.ok(labels.has(target), line);
  }
  t.ok(rule.includes('TAG+="systemd", ENV{SYSTEMD_WANTS}+="fuse4fs-automount@%k.service"'));
  t.ok(rule.includes('TAG+="systemd", ENV{SYSTEMD_WANTS}+="fuse4fs-automount@dm\\x2d%n.service"'), 'a mapping has a dash in its name');
  t.end();
});

t.test('everybody may ask the broker', (t) => {
  const socket = readFileSync(unit('fuse4fs-helper.socket'), 'utf8').split('\n');
  for (const line of ['ListenSequentialPacket=/run/fuse4fs/helper.sock', 'SocketMode=0666', 'Accept=no']) t.ok(socket.includes(line), line);
  t.end();
});

t.test('only root can connect to the socket, and each connection gets a server', (t) => {
  const socket = readFileSync(unit('fuse4fs-server.socket'), 'utf8');
  for (const line of ['ListenSequentialPacket=/run/fuse4fs/server.sock', 'ListenSequentialPacket=/run/filesystems/fuse4fs', 'SocketMode=0600', 'Accept=yes']) {
    t.ok(socket.split('\n').includes(line), line);
  }
  t.end();
});

t.test('the root file system of the container has all that the server needs', { skip: process.getuid?.() === 0 ? false : 'chroot needs root' }, (t) => {
  const root = join(scratchDirectory(t, 'rootfs'), 'root');
  const made = spawnSync(process.execPath, [join(projectRoot, 'scripts', 'server-rootfs.mjs'), root], { encoding: 'utf8' });
  t.equal(made.status, 0, made.stderr);
  const { stderr } = spawnSync('/usr/sbin/chroot', ['--userspec=65534:65534', root, '/node', '--disallow-code-generation-from-strings', '/fuse4fs/dist/server/main.cjs'], { encoding: 'utf8', env: {} });
  t.match(stderr, /no connection to a helper/, 'it starts, and misses only its socket');
  t.notOk(existsSync(join(root, 'bin')), 'there is no shell');
  t.end();
});
