/** The manifests of deploy/kubernetes, run by podman as a kubelet would run them. */
import { chownSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { DaemonSet } from 'kubernetes-models/apps/v1';
import type { IContainer, IPod } from 'kubernetes-models/v1';
import type { Test } from 'tap';
import { run, type Output } from '../support/command.js';
import { e2fsckComplaints, makeImage, mebibyte } from '../support/image.js';
import { Kubelet, type PodToRun } from '../support/kubelet.js';
import { readManifests } from '../support/manifests.js';
import { FRUGAL, NO_SERVER, type Podman } from '../support/podman.js';
import { until } from '../support/until.js';

const NOBODY = 65534;
const UID = '5d0e7c1a';

export async function runPod(t: Test, podman: Podman, scratch: string): Promise<void> {
  const directory = join(scratch, 'images');
  mkdirSync(directory);
  const image = await makeImage(directory, { size: 32 * mebibyte, arguments: ['-E', `root_owner=${NOBODY}:${NOBODY}`] }, 'disk');
  chownSync(image, NOBODY, NOBODY);
  await podman.podman('tag', 'base', 'localhost/application');
  const kubelet = new Kubelet(podman);
  await podman.run('mkdir', '--parents', kubelet.pods, '/run/fuse4fs');

  const daemonSet = readManifests('kubernetes/node.yaml').find((object): object is DaemonSet => object.kind === 'DaemonSet');
  const helper: PodToRun = { uid: 'helper-pod', manifest: daemonSet?.spec?.template as IPod, claims: {} };
  await kubelet.start(helper);
  const [manifest] = readManifests('kubernetes/workload.yaml') as IPod[];
  if (manifest === undefined) throw new Error('no pod');
  const pod: PodToRun = { uid: UID, manifest, claims: { images: directory } };
  await kubelet.start(pod);
  const volume = join(kubelet.pods, UID, 'volumes/kubernetes.io~empty-dir/data');
  const target = join(volume, 'mount');
  const said = async (): Promise<string> => (await podman.tryPodman('logs', 'helper-pod-helper')).stderr;
  const untilSaid = (words: string): Promise<true> => until(`the helper says: ${words}`, async () => (await said()).includes(words) || undefined, said);
  const inApplication = (script: string): Promise<Output> => kubelet.exec(UID, 'application', 'sh', '-euc', script);

  t.equal((await inApplication('echo one > /data/mount/kept; sync /data/mount/kept; cat /data/mount/kept')).stdout.toString(), 'one\n', 'the application writes and reads');
  t.match(await podman.run('findmnt', '--noheadings', '--output=OPTIONS', '--mountpoint', target), /nosuid,nodev.*noatime/u, 'with the options of the request, and those that are forced');

  await podman.podman('restart', '--time=0', 'helper-pod-helper');
  t.equal((await inApplication('cat /data/mount/kept')).stdout.toString(), 'one\n', 'the helper is started anew: the mount goes on');
  await untilSaid('is mounted already');

  const [server] = manifest.spec?.initContainers as [IContainer];
  await podman.podman('kill', `${UID}-server`);
  t.match((await inApplication('cat /data/mount/kept')).stderr, new RegExp(`${NO_SERVER.source}|No such file`, 'u'), 'the server is killed: an error, and nothing hangs');
  await podman.podman('rm', '--force', `${UID}-server`);
  await kubelet.startContainer(pod, server);
  await podman.podman('run', '--rm', ...FRUGAL, `--volume=${volume}:/data:rslave`, 'fuse4fs-helper', 'wait', '/data/mount');
  t.equal((await inApplication('cat /data/mount/kept; echo two > /data/mount/late')).stdout.toString(), 'one\n', 'a new one takes its place, in the application that has not been started again');

  await kubelet.stop(pod);
  t.equal((await podman.podman('wait', `${UID}-server`)).trim(), '0', 'the pod ends: the server is unmounted and ends in order');
  await untilSaid(`${UID}: unmounted`);
  t.equal((await podman.attempt('findmnt', '--mountpoint', target)).status, 1, 'nothing stays mounted');
  t.equal(await e2fsckComplaints(image), undefined, 'the image is clean');
  t.match((await run('debugfs', ['-R', 'cat /late', image])).toString(), /two/u, 'and nothing is lost');
  await kubelet.stop(helper);
}
