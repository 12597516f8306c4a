/** What a server that has been taken over can see and do: nothing. */
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { installedFile, serverProgram } from '../../helper/mount/server-root.js';
import type { Containment } from '../support/containment-start.js';

t.setTimeout(120_000);
const isRoot = process.getuid?.() === 0;
const userNamespaces = spawnSync('unshare', ['--user', 'true']).status === 0;
const UID = 54321;

function contain(as: 'root' | 'user', ...parameters: string[]): Containment {
  const command = [process.execPath, installedFile('dist/test/support/containment-start.js'), ...parameters];
  const switched = as === 'user' && isRoot ? ['setpriv', `--reuid=${UID}`, `--regid=${UID}`, '--clear-groups', ...command] : command;
  // A descriptor that our caller's caller forgot to close must not reach the server.
  const { stdout, stderr, status } = spawnSync('sh', ['-c', 'exec 8</ 9</etc/passwd; exec "$@"', 'sh', ...switched], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as Containment;
}

for (const as of ['root', 'user'] as const) {
  const skip = !userNamespaces ? 'this kernel gives out no user namespaces' : as === 'root' && !isRoot ? 'needs root' : false;
  t.test(`a server started by ${as}`, { skip }, async (t) => {
    const { probe, ours, processes, exit, left } = contain(as);
    const uid = as === 'root' ? 65534 : isRoot ? UID : process.getuid?.();

    t.test('sees only node, its libraries and the server', async (t) => {
      const shown = serverProgram().shown.map(({ inside }) => inside);
      const unexpected = probe.tree.filter((path) => !shown.some((known) => known === path || (path.endsWith('/') && known.startsWith(path))));
      t.same(unexpected, []);
      t.same(probe.interfaces, [], 'not even a loopback that is up');
      t.same(probe.environment, []);
      t.equal(probe.hostname, 'fuse4fs');
      t.equal(probe.pid, 1);
    });

    t.test('can open, change, reach and start nothing else', async (t) => {
      const harmless = new Set(['ENOENT', 'EROFS', 'ESRCH', 'ENETUNREACH', 'EINVAL', 'EPERM', 'EACCES']);
      const attempts = Object.entries(probe.attempts).filter(([, end]) => end !== 'not asked');
      t.ok(attempts.length > 15);
      for (const [attempt, end] of attempts) t.ok(harmless.has(end), `${attempt}: ${end}`);
    });

    t.test('has no rights, seen from outside', async (t) => {
      t.equal(processes.length, 2, 'the launcher and the server');
      for (const { name, status, descriptors, mounts } of processes) {
        for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb']) t.match(status[set], /^0+$/, `${name}: ${set}`);
        t.equal(status['NoNewPrivs'], '1', `${name}: no_new_privs`);
        if (name === 'node') t.equal(status['Seccomp'], '2', 'a filter from the start, before it sets its own');
        t.notOk(descriptors.includes('anon_inode:[io_uring]'), `${name}: no ring, which would lead around all filters`);
        t.equal(status['Uid'], Array(4).fill(uid).join('\t'), `${name}: user`);
        t.equal(status['Groups'], '', `${name}: supplementary groups`);
        t.same(descriptors.filter((path) => !/^(socket|pipe|anon_inode):|^\/$/.test(path)), [], `${name}: descriptors`);
        t.equal(descriptors.filter((path) => path.startsWith('socket:')).length, 1, `${name}: ${name === 'node' ? 'the handshake' : 'the line to the helper'}`);
        for (const mount of mounts) t.match(mount, / ro,nosuid,nodev[, ]/, `${name}: ${mount.split(' ')[4] ?? ''} is read-only`);
      }
    });

    t.test('has namespaces of its own', async (t) => {
      const server = processes.find(({ name }) => name === 'node');
      for (const [kind, name] of Object.entries(ours)) t.not(server?.namespaces[kind], name, kind);
    });

    t.match({ exit, left }, { exit: { status: 0, report: '' }, left: 0 }, 'and goes when it is told to');
  });
}

t.test('root can show what the server could not reach', { skip: !isRoot && 'needs root' }, async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'fuse4fs-secret-'));
  t.teardown(() => rmSync(directory, { recursive: true }));
  chmodSync(directory, 0o700);
  writeFileSync(join(directory, 'file'), 'shown');
  const { probe } = contain('root', join(directory, 'file'), '/shown');
  t.equal(probe.attempts['read what was shown'], 'done');
  t.ok(probe.tree.includes('/shown'));
});

t.test('the launcher', async (t) => {
  const launcher = installedFile('build/Release/contain');
  const run = (...parameters: string[]) => {
    const { status, output } = spawnSync(launcher, parameters, { stdio: ['ignore', 'ignore', 'ignore', 'ignore', 'pipe'], encoding: 'utf8' });
    return { status, said: output[4] };
  };
  t.match(run(), { status: 70, said: /^usage:/ });
  t.match(run('1', '1', '--'), { said: /^usage:/ });
  t.match(run('0', '1', '/x', '--', '/x'), { said: 'the program must not be root' });
  t.match(run('1', '0', '/x', '--', '/x'), { said: 'the program must not be root' });
  for (const bad of ['-1', '4294967295', '1x', '', ' ']) t.match(run(bad, '1', '/x', '--', '/x'), { status: 70, said: /not a user or group number|must not be root/ }, `uid '${bad}'`);
  if (isRoot) {
    t.match(run('65534', '65534', 'relative', '--', '/x'), { said: 'not an absolute path: relative' });
    t.match(run('65534', '65534', `/${'x'.repeat(5000)}`, '--', '/x'), { status: 70, said: /^not an absolute path/ });
    t.match(run('65534', '65534', '/etc/passwd=/../../escape', '--', '/x'), { status: 70 });
    t.notOk(existsSync('/escape'), 'dots lead nowhere');
  }
});

t.test('the server’s environment and command line', async (t) => {
  const { command, shown } = serverProgram();
  t.ok(command.includes('--disallow-code-generation-from-strings'));
  t.notOk(shown.some(({ inside }) => /^\/(proc|dev|sys|etc|run|tmp|home|root)\b/.test(inside)));
  t.notOk(shown.some(({ outside }) => outside.includes('/dist/helper') || outside.includes('/dist/cli')));
  t.ok(readFileSync(shown.find(({ inside }) => inside === '/node')?.outside ?? '').length > 0);
});
