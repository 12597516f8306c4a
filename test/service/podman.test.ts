/** The images of the Containerfile, as podman runs them: no registry, no network, no rights. */
import { copyFileSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { run, type Output } from '../support/command.js';
import { e2fsckComplaints, makeImage, mebibyte } from '../support/image.js';
import { cannotMount, missing } from '../support/machine.js';
import { fuse4fs } from '../support/mount.js';
import { projectRoot } from '../support/native.js';
import { FRUGAL, NO_SERVER, Podman } from '../support/podman.js';
import { scratchDirectory } from '../support/scratch.js';
import { runPod } from './kubernetes-pod.js';
import { attackFromContainer } from './podman-attacks.js';
import { playPod } from './podman-pod.js';
import { runQuadlet } from './podman-quadlet.js';

const skip = cannotMount() || missing('podman', 'catatonit');

/** What Kubernetes calls restricted, and a root that cannot be written to. */
const CONFINED = ['--read-only', '--read-only-tmpfs=false', '--cap-drop=all', '--security-opt=no-new-privileges'];

const READ_BILL = 'require("fs").readFileSync("/sbom.cdx.json", "utf8")';

interface ImageFacts {
  readonly Config: { readonly User: string };
  readonly Labels: Readonly<Record<string, string>>;
  readonly Size: number;
}

interface BillOfMaterials {
  readonly bomFormat: string;
  readonly components: readonly { readonly name: string }[];
}

/** What the build stage would have made: the installed program, and the script that lays out the server. */
async function builtTree(directory: string): Promise<string> {
  const root = join(directory, 'tree');
  await run(process.execPath, [fuse4fs, 'install', '--root', root]);
  const context = join(root, 'usr/lib/fuse4fs');
  mkdirSync(join(context, 'scripts'));
  copyFileSync(join(projectRoot, 'scripts/server-rootfs.mjs'), join(context, 'scripts/server-rootfs.mjs'));
  return context;
}

t.test('containers', { skip }, async (t) => {
  const directory = scratchDirectory(t, 'podman');
  const podman = await Podman.start(t, directory);
  await podman.importBase('base');
  const context = await builtTree(directory);
  await podman.build('server', 'fuse4fs-server', 'localhost/base', context);
  await podman.build('helper', 'fuse4fs-helper', 'localhost/base', context);

  await t.test('the server holds nothing but itself', async (t) => {
    const [image] = JSON.parse(await podman.podman('image', 'inspect', 'fuse4fs-server')) as [ImageFacts];
    t.equal(image.Config.User, '65534:65534', 'it does not run as root');
    t.equal(image.Labels['org.opencontainers.image.licenses'], 'MIT', 'it is labelled');
    t.ok(image.Size < 130e6, `${Math.round(image.Size / 1e6)} MB, most of it Node`);
    t.not((await podman.tryPodman('run', '--rm', ...FRUGAL, ...CONFINED, '--entrypoint=/bin/sh', 'fuse4fs-server', '-c', 'true')).status, 0, 'there is no shell');
    const bill = JSON.parse(await podman.podman('run', '--rm', ...FRUGAL, ...CONFINED, '--entrypoint=/node', 'fuse4fs-server', '-p', READ_BILL)) as BillOfMaterials;
    for (const used of ['protobufjs', 'unix-dgram', 'zod']) t.ok(bill.components.some(({ name }) => name === used), `${used} is in the bill of materials`);
    t.equal(bill.bomFormat, 'CycloneDX', 'in a format that scanners read');
    t.equal(bill.components.some(({ name }) => name === 'typescript'), false, 'what only developers use is not in it');
  });

  await t.test('a server without any rights serves a mount', async (t) => {
    const image = await makeImage(directory, { size: 32 * mebibyte });
    const places = Object.fromEntries(['socket', 'data'].map((name) => [name, join(podman.shared, name)]));
    const { socket = '', data = '' } = places;
    // Not the volume's own root: what is mounted there before the application starts would be all that it ever sees.
    const target = join(data, 'disk');
    await podman.run('mkdir', socket, data, target);
    await podman.run('chown', '65534:65534', socket);
    const mount = (): Promise<string> => podman.run(process.execPath, fuse4fs, image, target, '-o', `server=${join(socket, 'server.sock')},nosuid,nodev`);
    const startServer = (name: string): Promise<void> => podman.start(name, 'fuse4fs-server', [...CONFINED, `--volume=${socket}:/run/fuse4fs`]);

    await startServer('server');
    await mount();
    await podman.start('application', 'base', [...CONFINED, '--user=0', `--volume=${data}:/data:rslave`], 'sleep', 'infinity');
    const inApplication = (script: string): Promise<Output> => podman.tryPodman('exec', 'application', 'sh', '-euc', script);
    const status = await podman.run('cat', `/proc/${(await podman.podman('inspect', '--format={{.State.Pid}}', 'server')).trim()}/status`);
    t.match(status, /^CapEff:\s+0+$/mu, 'the server has no capability');
    t.match(status, /^CapBnd:\s+0+$/mu, 'and cannot get one');
    t.match(status, /^NoNewPrivs:\s+1$/mu, 'not through a setuid program either');
    t.match(status, /^Seccomp:\s+2$/mu, 'its system calls are filtered');
    t.match(status, /^Uid:\s+65534\s/mu, 'it is nobody');

    const written = await inApplication('echo one > /data/disk/kept; sync /data/disk/kept; cat /data/disk/kept');
    t.equal(written.stdout.toString(), 'one\n', 'an application writes and reads');
    await podman.podman('kill', 'server');
    const after = await inApplication('cat /data/disk/kept');
    t.match(after.stderr, NO_SERVER, 'the server was killed: the application gets an error, and nothing hangs');

    await podman.run('umount', '--lazy', target);
    await podman.podman('wait', 'server');
    await podman.podman('rm', 'server');
    await startServer('server');
    await mount();
    t.equal((await inApplication('cat /data/disk/kept')).stdout.toString(), 'one\n', 'mounted again, the application goes on with what it had synced');
    await inApplication('echo two > /data/disk/late');
    await podman.podman('rm', '--force', '--time=0', 'application');
    await podman.run(process.execPath, fuse4fs, 'umount', target);
    t.equal((await podman.podman('wait', 'server')).trim(), '0', 'unmounted, the server ends by itself');
    t.match((await podman.tryPodman('logs', 'server')).stderr, /unmounted/u, 'and says so');
    t.notMatch((await podman.tryPodman('logs', 'server')).stderr, /confinement:/u, 'it could confine itself further');
    t.equal(await e2fsckComplaints(image), undefined, 'the image is clean');
    t.match((await run('debugfs', ['-R', 'cat /late', image])).toString(), /two/u, 'and nothing is lost');
  });

  await t.test('a server that nobody needs stops when it is told to', async (t) => {
    const socket = join(podman.shared, 'unused');
    await podman.run('mkdir', '--mode=777', socket);
    await podman.start('idle', 'fuse4fs-server', [...CONFINED, `--volume=${socket}:/run/fuse4fs`]);
    await podman.run('sh', '-euc', 'until [ -S "$1/server.sock" ]; do :; done', 'wait', socket);
    await podman.podman('stop', '--time=60', 'idle');
    t.equal((await podman.podman('wait', 'idle')).trim(), '0', 'at once, and without an error');
  });

  await t.test('attacks from the container', (t) => attackFromContainer(t, podman, directory, CONFINED));
  await t.test('a quadlet', (t) => runQuadlet(t, podman, directory));
  await t.test('a pod of Kubernetes', (t) => runPod(t, podman, directory));
  await t.test('a pod of podman', (t) => playPod(t, podman, directory));
});
