/** Mounted when somebody looks, and unmounted when nobody has for a while: by an automount unit of systemd, made for the device. */
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { MountError } from '../mount/errors.js';
import { runCommand, systemctl, UNITS } from './systemd.js';

export interface Offer {
  readonly name: string;
  readonly node: string;
  readonly target: string;
  /** Each is one word, whatever commas it has. */
  readonly options: readonly string[];
  readonly idleSeconds: number;
  /** Where the name by which systemd knows the device is kept. */
  readonly directory: string;
}

/** Not one below /dev, for which systemd would wait itself: the service that calls us is bound to the device already. */
const linkFor = ({ name, directory }: Pick<Offer, 'name' | 'directory'>): string => join(directory, `${name}.device`);

/** Returns when whoever looks at the target will find the filesystem. */
export function offer(wanted: Offer): void {
  const { node, target, options, idleSeconds } = wanted;
  const link = linkFor(wanted);
  const units = unitsOf(target);
  const list = options.map((word) => (word.includes(',') ? `"${word}"` : word)).join(',');
  try {
    rmSync(link, { force: true });
    symlinkSync(node, link);
    mkdirSync(UNITS, { recursive: true });
    writeUnit(units.mount, ['[Mount]', `What=${link}`, `Where=${target}`, 'Type=fuse4fs', `Options=${list}`]);
    writeUnit(units.automount, ['[Automount]', `Where=${target}`, `TimeoutIdleSec=${idleSeconds}`, 'DirectoryMode=0755']);
    systemctl('daemon-reload');
    systemctl('start', units.automount);
  } catch (error) {
    forget(wanted);
    throw error;
  }
}

/** What is mounted there and in use has to be detached before. */
export function withdraw(offered: Pick<Offer, 'name' | 'target' | 'directory'>): void {
  const { automount, mount } = unitsOf(offered.target);
  try {
    systemctl('stop', automount, mount);
  } finally {
    forget(offered);
  }
}

function forget(offered: Pick<Offer, 'name' | 'target' | 'directory'>): void {
  const { automount, mount } = unitsOf(offered.target);
  for (const path of [join(UNITS, automount), join(UNITS, mount), linkFor(offered)]) rmSync(path, { force: true });
  systemctl('daemon-reload');
}

function unitsOf(target: string): { readonly mount: string; readonly automount: string } {
  const name = runCommand('systemd-escape', ['--path', target]).trim();
  return { mount: `${name}.mount`, automount: `${name}.automount` };
}

function writeUnit(name: string, lines: readonly string[]): void {
  if (lines.some((line) => line.includes('\n'))) throw new MountError('BAD_OPTION', 'an option has more than one line');
  const text = [`[Unit]`, 'Description=A device that fuse4fs mounts when somebody looks', ...lines.map((line) => line.replaceAll('%', '%%')), ''];
  writeFileSync(join(UNITS, name), text.join('\n'), { mode: 0o644 });
}
