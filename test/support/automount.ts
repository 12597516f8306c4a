/** Devices that appear and go, for an automount that has places of its own for everything. */
import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { Test } from 'tap';
import { attempt, run, type Output } from './command.js';
import { attachLoop, detachLoop } from './loop-mount.js';
import { projectRoot } from './native.js';
import { released } from './released.js';

const mebibyte = 1 << 20;
const SMALL = 8 * mebibyte;

export interface Stick {
  readonly image: string;
  /** loop7 */
  readonly name: string;
  readonly node: string;
}

export class AutomountBench {
  readonly directory: string;
  /** Where a user's are mounted, and where nobody's are. */
  readonly userRoot: string;
  readonly systemRoot: string;
  readonly records: string;
  readonly policyFile: string;
  /** For /sys/class/block, where sysfs() has put something there. */
  readonly devices: string;
  /** Of systemd, where a test makes the directory. */
  readonly units: string;
  readonly #properties: string;
  readonly #mounts: string;
  readonly #logind: string;
  readonly #fstab: string;
  #count = 0;

  /** @param mounts where status sockets are: of the broker, where one has to know them */
  constructor(t: Test, directory: string, mounts = join(directory, 'mounts')) {
    this.directory = directory;
    chmodSync(directory, 0o755);
    this.userRoot = join(directory, 'run-media');
    this.systemRoot = join(directory, 'media');
    this.records = join(directory, 'records');
    this.policyFile = join(directory, 'automount.json');
    this.devices = join(directory, 'sys', 'class', 'block');
    this.units = join(directory, 'units');
    this.#properties = join(directory, 'udev');
    this.#mounts = mounts;
    this.#logind = join(directory, 'logind');
    this.#fstab = join(directory, 'fstab');
    for (const name of ['seats', 'sessions']) mkdirSync(join(this.#logind, name), { recursive: true });
    this.policy({});
    t.teardown(() => this.#unmountAll());
  }

  policy(policy: object | string): void {
    const whole = typeof policy === 'string' ? policy : JSON.stringify({ userRoot: this.userRoot, systemRoot: this.systemRoot, ...policy });
    writeFileSync(this.policyFile, whole, { mode: 0o644 });
  }

  fstab(lines: string): void {
    writeFileSync(this.#fstab, lines);
  }

  /** As logind says it; undefined: nobody. */
  active(uid: number | undefined, kind = 'user'): void {
    writeFileSync(join(this.#logind, 'seats', 'seat0'), uid === undefined ? 'IS_SEAT0=1\n' : `IS_SEAT0=1\nACTIVE=c1\nACTIVE_UID=${uid}\n`);
    writeFileSync(join(this.#logind, 'sessions', 'c1'), `# This is private data. Do not parse.\nUID=${uid ?? 0}\nACTIVE=1\nCLASS=${kind}\n`);
  }

  /** A loop device with a filesystem, not yet told of. */
  async stick(t: Test, words: readonly string[] = [], prepare?: (image: string) => Promise<void>): Promise<Stick> {
    const image = join(this.directory, `stick-${++this.#count}.img`);
    await run('truncate', ['-s', String(SMALL), image]);
    await run('mke2fs', ['-q', '-F', '-t', 'ext4', ...words, image]);
    await prepare?.(image);
    const node = attachLoop(image);
    t.teardown(() => this.#forget(image, node));
    return { image, name: basename(node), node };
  }

  /** What udev would have found, over what it finds on a stick. */
  appear({ name }: Pick<Stick, 'name'>, properties: Readonly<Record<string, string>> = {}): Promise<Output> {
    this.udev(name, { ID_BUS: 'usb', ID_FS_USAGE: 'filesystem', ID_FS_TYPE: 'ext4', ...properties });
    const simulated = existsSync(this.devices) ? ['--devices', this.devices] : [];
    return this.#automount('appear', name, ...simulated, '--policy', this.policyFile, '--properties', this.#properties, '--fstab', this.#fstab, '--logind', this.#logind);
  }

  /** What udev says of a device. */
  udev(name: string, properties: Readonly<Record<string, string>>): void {
    mkdirSync(this.#properties, { recursive: true });
    writeFileSync(join(this.#properties, name), Object.entries(properties).map(([key, value]) => `${key}=${value}\n`).join(''));
  }

  /**
   * Puts a device into a sysfs of the test's own, which holds from then on instead of the machine's.
   * @param path below its "devices"
   * @param attributes for each a file; a name with "/" is in a directory of its own
   */
  sysfs(path: string, attributes: Readonly<Record<string, string>>): void {
    const directory = join(this.directory, 'sys', 'devices', path);
    for (const [name, value] of Object.entries(attributes)) {
      mkdirSync(dirname(join(directory, name)), { recursive: true });
      writeFileSync(join(directory, name), value);
    }
    mkdirSync(this.devices, { recursive: true });
    symlinkSync(directory, join(this.devices, basename(path)));
  }

  /** @param how an empty directory instead of sysfs is one in which the device is not any more */
  disappear({ name }: Pick<Stick, 'name'>, how: 'stopped' | 'pulled out' = 'stopped'): Promise<Output> {
    const simulated = existsSync(this.devices) ? ['--devices', this.devices] : [];
    return this.#automount('disappear', name, ...(how === 'pulled out' ? ['--devices', join(this.directory, 'nothing')] : simulated));
  }

  record({ name }: Pick<Stick, 'name'>): Readonly<Record<string, unknown>> | undefined {
    const path = join(this.records, `${name}.json`);
    return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Readonly<Record<string, unknown>>) : undefined;
  }

  #automount(...words: string[]): Promise<Output> {
    const program = join(projectRoot, 'dist/helper/automount/main.cjs');
    return attempt(process.execPath, [program, ...words, '--records', this.records, '--mounts', this.#mounts, '--units', this.units, '--server', join(this.directory, 'no-server.sock')]);
  }

  async #forget(image: string, node: string): Promise<void> {
    for (const { target } of mountsIn(this.directory)) await attempt('umount', ['-l', target]);
    await released(node);
    detachLoop(image, node);
  }

  async #unmountAll(): Promise<void> {
    for (const { target } of mountsIn(this.directory)) await attempt('umount', ['-l', target]);
  }
}

export interface SeenMount {
  readonly target: string;
  readonly options: readonly string[];
}

/** As the kernel lists them, beneath a directory. */
export function mountsIn(directory: string): readonly SeenMount[] {
  const lines = readFileSync('/proc/self/mountinfo', 'utf8').split('\n').map((line) => line.split(' '));
  return lines.flatMap((fields) => {
    const target = (fields[4] ?? '').replace(/\\040/gu, ' ');
    return target.startsWith(`${directory}/`) ? [{ target, options: [...(fields[5] ?? '').split(','), ...(fields.at(-1) ?? '').split(',')] }] : [];
  });
}
