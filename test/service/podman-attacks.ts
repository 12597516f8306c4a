/** The same attempts as from our own launcher (attacks.test.ts), in a container of the server's image. */
import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { listenAsBystander } from '../support/attacks/bystander.js';
import { assertDenied, REPORT } from '../support/attacks/verdict.js';
import { run } from '../support/command.js';
import { attackingProgram } from '../support/contained-program.js';
import { fuse4fs } from '../support/mount.js';
import { nativeAddon } from '../support/native.js';
import type { Podman } from '../support/podman.js';

const HOME = '/fuse4fs';
const PROGRAM = `${HOME}/dist/test/support/attacks/server.js`;

/** The server's image with the attacking program in it. */
async function buildAttacker(podman: Podman, scratch: string): Promise<string> {
  await nativeAddon('system-calls');
  const context = join(scratch, 'attacker');
  for (const { outside, inside } of attackingProgram().shown.filter(({ inside }) => inside.startsWith(`${HOME}/`))) {
    cpSync(outside, join(context, inside), { recursive: true, dereference: true });
  }
  writeFileSync(join(context, 'Containerfile'), `FROM localhost/fuse4fs-server\nCOPY .${HOME} ${HOME}\n`);
  await podman.podman('build', '--quiet', '--pull=never', '--tag=attacker', '--network=none', context);
  return 'attacker';
}

interface Started {
  readonly Entrypoint: readonly string[];
  readonly Cmd: readonly string[];
}

/** @param confined how a container of the server is started */
export async function attackFromContainer(t: Test, podman: Podman, scratch: string, confined: readonly string[]): Promise<void> {
  const attacker = await buildAttacker(podman, scratch);
  const { Entrypoint, Cmd } = JSON.parse(await podman.podman('image', 'inspect', '--format={{json .Config}}', 'fuse4fs-server')) as Started;
  const entrypoint = `--entrypoint=${JSON.stringify(Entrypoint.with(-1, PROGRAM))}`;
  const image = join(scratch, 'attacked');
  await run('truncate', ['-s', '8M', image]);
  listenAsBystander(t);

  for (const access of ['ro', 'rw']) {
    await t.test(access, async (t) => {
      const [name, socket, target] = [`attacker-${access}`, join(podman.shared, `attacker-${access}`), join(podman.shared, `attacked-${access}`)];
      await podman.run('mkdir', socket, target);
      await podman.run('chown', '65534:65534', socket);
      await podman.start(name, attacker, [...confined, entrypoint, `--volume=${socket}:/run/fuse4fs`], ...Cmd);
      t.teardown(async () => void (t.passing() || t.comment((await podman.tryPodman('logs', name)).stderr)));
      await podman.run(process.execPath, fuse4fs, image, target, '-o', `${access},server=${join(socket, 'server.sock')},nosuid,nodev`);
      assertDenied(t, await podman.run('cat', join(target, REPORT)));
      await podman.run(process.execPath, fuse4fs, 'umount', target);
      t.equal((await podman.podman('wait', name)).trim(), '0', 'and it goes on serving all the while');
    });
  }
}
