/** deploy/podman/disk.container: the `podman run` that it stands for (podman-systemd.unit(5)), and what comes of it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { e2fsckComplaints, makeImage, mebibyte } from '../support/image.js';
import { fuse4fs } from '../support/mount.js';
import { projectRoot } from '../support/native.js';
import type { Podman } from '../support/podman.js';

type Words = readonly string[];

const yes = (option: string) => (value: string): Words => (value === 'true' ? [option] : []);

/** The keys that we use. Group, Image and Exec are not options of their own. */
const KEYS: Readonly<Record<string, (value: string) => Words>> = {
  ReadOnly: yes('--read-only'),
  DropCapability: (value) => [`--cap-drop=${value}`],
  NoNewPrivileges: yes('--security-opt=no-new-privileges'),
  Network: (value) => [`--network=${value}`],
  Volume: (value) => [`--volume=${value}`],
  PodmanArgs: (value) => value.split(' '),
};

/** What follows `podman run`. */
function meantBy(quadlet: string): Words {
  const [, section = ''] = /^\[Container\]\n(.*?)(?=^\[)/msu.exec(quadlet) ?? [];
  const entries = section.split('\n').filter((line) => !/^(#|$)/u.test(line)).map((line) => /^(\w+)=(.*)$/u.exec(line)?.slice(1) ?? [line, '']);
  const value = (wanted: string): string => entries.find(([key]) => key === wanted)?.[1] ?? '';
  const options = entries.flatMap(([key = '', text = '']) => {
    if (['Image', 'Exec', 'User', 'Group'].includes(key)) return [];
    const option = KEYS[key];
    if (option === undefined) throw new Error(`[Container] ${key}`);
    return option(text);
  });
  return [...options, `--user=${value('User')}:${value('Group')}`, value('Image'), ...value('Exec').split(' ')];
}

export async function runQuadlet(t: Test, podman: Podman, scratch: string): Promise<void> {
  const image = await makeImage(scratch, { size: 32 * mebibyte }, 'quadlet');
  const [socket, target] = [join(podman.shared, 'quadlet-socket'), join(podman.shared, 'quadlet')];
  const quadlet = readFileSync(join(projectRoot, 'deploy/podman/disk.container'), 'utf8');
  // What [Service] does before.
  await podman.run('mkdir', socket, target);
  await podman.run('chown', '65534:65534', socket);
  const words = meantBy(quadlet).map((word) => word.replace('=/run/fuse4fs-disk:', `=${socket}:`));
  t.match(words, ['--read-only', '--cap-drop=all', '--security-opt=no-new-privileges', '--network=none'], 'as tight as by hand');
  await podman.podman('run', '--detach', '--name=quadlet', ...words);
  await podman.run(process.execPath, fuse4fs, image, target, '-o', `server=${join(socket, 'server.sock')},nosuid,nodev`);
  await podman.run('sh', '-euc', 'echo kept > "$1/file"', 'write', target);
  await podman.run(process.execPath, fuse4fs, 'umount', target);
  t.equal((await podman.podman('wait', 'quadlet')).trim(), '0', 'it serves one mount');
  t.equal(await e2fsckComplaints(image), undefined, 'the image is clean');
}
