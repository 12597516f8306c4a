/** The same attempts as from our own launcher (attacks.test.ts), in the service that systemd starts. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { listenAsBystander } from '../support/attacks/bystander.js';
import { assertDenied, REPORT } from '../support/attacks/verdict.js';
import { BootedSystem } from '../support/booted-system.js';
import { run } from '../support/command.js';
import { cannotMount, missing } from '../support/machine.js';
import { nativeAddon, projectRoot } from '../support/native.js';
import { scratchDirectory } from '../support/scratch.js';

const skip = cannotMount() || missing('systemd-nspawn');
const INSTALLED = '/usr/lib/fuse4fs';

/** Puts the attacking server beside the installed one, for systemd to start instead. */
async function takeOver(system: BootedSystem): Promise<void> {
  // The container does not see all of the machine: not what is below /tmp, for one.
  const brought = join(system.images, 'attacks');
  await run('cp', ['-r', join(projectRoot, 'dist', 'test', 'support', 'attacks'), brought]);
  await run('cp', [join(projectRoot, 'build', 'test', 'system-calls.node'), system.images]);
  await system.run('sh', '-euc', `
    mkdir -p ${INSTALLED}/dist/test/support ${INSTALLED}/build/test
    cp -r /images/attacks ${INSTALLED}/dist/test/support/
    cp /images/system-calls.node ${INSTALLED}/build/test/`);
}

t.test('from the service that systemd starts', { skip }, async (t) => {
  await nativeAddon('system-calls');
  const system = new BootedSystem(scratchDirectory(t, 'attacks'));
  await run('truncate', ['-s', '8M', join(system.images, 'image')]);
  const dropIn = join(system.etc, 'systemd', 'system', 'fuse4fs-server@.service.d');
  mkdirSync(dropIn, { recursive: true });
  writeFileSync(join(dropIn, 'attack.conf'), `[Service]\nExecStart=\nExecStart=${process.execPath} --disallow-code-generation-from-strings --always-sparkplug --v8-pool-size=1 ${INSTALLED}/dist/test/support/attacks/server.js\n`);
  listenAsBystander(t);
  await system.boot(t);
  await takeOver(system);

  for (const access of ['ro', 'rw']) {
    await t.test(access, async (t) => {
      await system.run('mount', '-t', 'fuse4fs', '-o', access, '/images/image', '/mnt/a');
      assertDenied(t, await system.run('cat', `/mnt/a/${REPORT}`));
      await system.run('umount', '/mnt/a');
    });
  }
  await system.run('journalctl', '--sync');
  t.match(await system.run('journalctl', '--no-pager', '--unit', 'fuse4fs-server@*'), /unmounted/u, 'and it goes on serving all the while');
});
