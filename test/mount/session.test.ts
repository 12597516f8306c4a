/** The server process with a filesystem of constants behind a real mount. */
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import t, { type Test } from 'tap';
import type { StatusReport } from '../../server/status/report.js';
import { BareMount, mountsImpossible } from '../support/bare-mount.js';
import { assertQuietAtLast } from '../support/quiet.js';
import { deviceOf } from '../support/server.js';

const directory = mkdtempSync(join(tmpdir(), 'fuse4fs-session-'));
const image = join(directory, 'image');
writeFileSync(image, 'nothing');
t.teardown(() => rmSync(directory, { recursive: true }));

async function floor(t: Test, ...options: string[]): Promise<BareMount> {
  const mount = await BareMount.make({ main: 'bench/floor/main.js', image, options });
  t.teardown(() => mount.unmount());
  return mount;
}

/** Lines of the status socket as they come. */
function conversation(path: string): { ask(request: string): void; next(): Promise<unknown> } {
  const socket = connect(path);
  const lines = createInterface({ input: socket })[Symbol.asyncIterator]();
  return {
    ask: (request) => void socket.write(`${request}\n`),
    next: async () => {
      const line = await lines.next();
      return line.done === true ? undefined : (JSON.parse(line.value) as unknown);
    },
  };
}

t.test('a mount and its end', { skip: mountsImpossible }, async (t) => {
  const mount = await floor(t);
  t.ok(mount.ready.kernelFeatures.includes('POSIX_ACL'));
  t.equal(statSync(join(mount.target, 'x')).size, 2 ** 30);
  const file = openSync(join(mount.target, 'x'), 'r');
  const buffer = new Uint8Array(3 * 1024 * 1024);
  t.equal(readSync(file, buffer, 0, buffer.length, 12345), buffer.length);
  closeSync(file);

  const status = conversation(mount.statusPath);
  status.ask('{"request":"status"}');
  const report = (await status.next()) as StatusReport;
  t.match(report, { source: image, target: mount.target, pid: mount.server.pid ?? 0, readOnly: true, errors: Number });
  t.equal(report.requests['INIT'], 1);
  t.ok((report.requests['READ'] ?? 0) >= 3);
  // The title has no more room than the arguments had, and ends where that ends.
  const title = (await readFile(`/proc/${report.pid}/cmdline`, 'utf8')).replace(/\0+$/u, '');
  t.match(title, /^fuse4fs-server: \//);
  t.ok(`fuse4fs-server: ${report.source} on ${report.target}`.startsWith(title), title);
  status.ask('nonsense');
  t.match(await status.next(), { error: String });

  t.equal(await mount.unmount(), 0);
  t.same(await status.next(), { event: 'exit', ok: true });
  t.equal(await status.next(), undefined);
});

t.test('what was asked once is not asked again', { skip: mountsImpossible }, async (t) => {
  const mount = await floor(t);
  const status = conversation(mount.statusPath);
  const requests = async (): Promise<Readonly<Record<string, number>>> => {
    status.ask('{"request":"status"}');
    return ((await status.next()) as StatusReport).requests;
  };
  const look = async (): Promise<void> => {
    await stat(join(mount.target, 'y'));
    spawnSync('ls', ['-la', mount.target]);
    spawnSync('dd', [`if=${join(mount.target, 'y')}`, 'of=/dev/null', 'bs=64k', 'count=10']);
  };
  await look();
  await assertQuietAtLast(t, look, requests);
  t.equal(await mount.unmount(), 0);
});

t.test('a filesystem is told to sync while there are requests', { skip: mountsImpossible }, async (t) => {
  const mount = await floor(t, 'sync=20');
  const status = conversation(mount.statusPath);
  const syncs = async (): Promise<number> => {
    status.ask('{"request":"status"}');
    return ((await status.next()) as StatusReport).cache['syncs'] ?? 0;
  };
  let seen = 0;
  // The request that shows the count is not one of the filesystem's: only these are.
  for (let name = 0; seen < 3; name++) {
    await stat(join(mount.target, String(name)));
    seen = await syncs();
  }
  t.ok(seen >= 3);
});

t.test('the first SIGTERM waits for the unmount', { skip: mountsImpossible }, async (t) => {
  const mount = await floor(t);
  const heard = once(mount.server.stderr ?? process.stderr, 'data');
  mount.server.kill('SIGTERM');
  await heard;
  t.match(mount.errors, 'SIGTERM');
  t.ok(await stat(join(mount.target, 'still-there')));
  t.equal(await mount.unmount(), 0);
});

t.test('the second SIGTERM does not', { skip: mountsImpossible }, async (t) => {
  const mount = await floor(t);
  const heard = once(mount.server.stderr ?? process.stderr, 'data');
  mount.server.kill('SIGTERM');
  await heard;
  mount.server.kill('SIGTERM');
  t.equal(await mount.exited, 0);
  t.throws(() => statSync(join(mount.target, 'x')), { code: 'ENOTCONN' });
});

t.test('an aborted connection is an error', { skip: mountsImpossible }, async (t) => {
  const mount = await floor(t);
  const status = conversation(mount.statusPath);
  status.ask('{"request":"status"}');
  await status.next();
  const control = mkdtempSync(join(directory, 'control-'));
  spawnSync('mount', ['-t', 'fusectl', 'none', control]);
  writeFileSync(join(control, deviceOf(mount.target).split(':')[1] ?? '', 'abort'), '1');
  spawnSync('umount', [control]);
  t.equal(await mount.exited, 1);
  t.match(await status.next(), { event: 'exit', ok: false, error: /abort/ });
});
