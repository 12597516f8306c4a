/** A whole systemd with the project installed, booted in systemd-nspawn over the machine's own root. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Test } from 'tap';
import { attempt, run, type Output } from './command.js';
import { inOwnMountNamespace } from './namespace.js';
import { projectRoot } from './native.js';

/** FUSE4FS_BOOT_ROOT: another system's root than the machine's own. Node has to be there, too, at the same place. */
const ROOT = process.env['FUSE4FS_BOOT_ROOT'] ?? '/';

/** In a mount namespace of its own: nothing that is mounted here, or that the container writes, is seen outside. */
const BOOT = `
mount -t tmpfs none /run
umount -R /sys/fs/cgroup 2>/dev/null || true
mount -t cgroup2 none /sys/fs/cgroup
mkdir "/sys/fs/cgroup/$4"
echo $$ >"/sys/fs/cgroup/$4/cgroup.procs"
mount -t tmpfs none "$1/overlay"
mkdir "$1/overlay/upper" "$1/overlay/work" "$1/overlay/root"
udisks=
[ -z "$6" ] || { cp -a "$6/." "$1/overlay/upper"; udisks=--udisks; }
"$2" "$3/dist/cli/fuse4fs.cjs" install --root "$1/overlay/upper" $udisks
mkdir -p "$1/overlay/upper/etc/systemd/system/sockets.target.wants"
for socket in server helper; do
  ln -s "/usr/lib/systemd/system/fuse4fs-$socket.socket" "$1/overlay/upper/etc/systemd/system/sockets.target.wants/"
done
cp -r "$1/etc/." "$1/overlay/upper/etc/"
for name in a b c d; do mkdir -p "$1/overlay/upper/mnt/$name"; done
mkdir -p "$1/overlay/upper/images"
autofs=
[ ! -e /dev/autofs ] || autofs=--bind=/dev/autofs
device=
[ -z "$5" ] || device="--bind=$5"
mount -t overlay -o "lowerdir=$7,upperdir=$1/overlay/upper,workdir=$1/overlay/work" overlay "$1/overlay/root"
exec systemd-nspawn --quiet --register=no --keep-unit --console=passive --link-journal=no --boot \
  --directory="$1/overlay/root" --machine="fuse4fs-test-$$" --bind=/dev/fuse $autofs $device --bind="$1/images:/images" \
  --system-call-filter="landlock_create_ruleset landlock_add_rule landlock_restrict_self" \
  systemd.unit=tested.target
`;

/** What the container has left of its control groups, when it has ended. */
const FORGET = `
umount -R /sys/fs/cgroup 2>/dev/null || true
mount -t cgroup2 none /sys/fs/cgroup
find "/sys/fs/cgroup/$1" -depth -type d -exec rmdir {} ';'
`;

/** What the machine is booted to; the FIFO hears when it has come so far. */
const UNITS = {
  'tested.target': '[Unit]\nRequires=basic.target\nWants=announced.service\nAfter=basic.target\n',
  'announced.service': '[Unit]\nAfter=basic.target\n[Service]\nType=oneshot\nExecStart=/bin/sh -c "echo booted > /images/booted"\n',
};

export class BootedSystem {
  /** Images, seen inside as /images. */
  readonly images: string;
  /** What is laid over /etc. */
  readonly etc: string;
  readonly #directory: string;
  readonly #device: string;
  readonly #packages: string;
  /** A control group of its own: two systems in one would remove each other's units from it. */
  readonly #group: string;
  #child: ChildProcess | undefined;
  #leader = 0;

  /**
   * @param device a block device that is also there inside
   * @param packages what is laid over the root, packages unpacked for example, beside which the project is installed for udisks
   */
  constructor(directory: string, device = '', packages = '') {
    this.#directory = directory;
    this.#device = device;
    this.#packages = packages;
    this.#group = `fuse4fs-${basename(directory)}`;
    this.images = join(directory, 'images');
    this.etc = join(directory, 'etc');
    for (const name of [this.images, this.etc, join(directory, 'overlay')]) mkdirSync(name);
    const units = join(this.etc, 'systemd', 'system');
    mkdirSync(units, { recursive: true });
    for (const [name, contents] of Object.entries(UNITS)) writeFileSync(join(units, name), contents);
  }

  /** Returns when basic.target is reached, with it what fstab says. */
  async boot(t: Test): Promise<void> {
    const announcement = join(this.images, 'booted');
    await run('mkfifo', [announcement]);
    const booted = spawn('cat', [announcement]);
    // Given to the container as a file: systemd opens its console by name, which no pipe of ours can be.
    const log = openSync(join(this.#directory, 'console.log'), 'w+');
    const words = inOwnMountNamespace('sh', '-euc', BOOT, 'boot', this.#directory, process.execPath, projectRoot, this.#group, this.#device, this.#packages, ROOT);
    const child = spawn(...words, { stdio: ['ignore', log, log] });
    this.#child = child;
    t.teardown(async () => {
      booted.kill();
      if (child.exitCode === null && child.signalCode === null) {
        const gone = once(child, 'exit');
        // Without systemd-nspawn its container would go on: with its first process all of it ends.
        for (const leader of childrenOf(child)) process.kill(leader, 'SIGKILL');
        child.kill('SIGKILL');
        await gone;
      }
      await attempt(...inOwnMountNamespace('sh', '-c', FORGET, 'forget', this.#group));
    });
    const first = await Promise.race([once(booted, 'exit').then(() => 'booted'), once(child, 'exit').then(() => 'ended')]);
    closeSync(log);
    if (first === 'ended') throw new Error(`the container ended:\n${readFileSync(join(this.#directory, 'console.log'), 'utf8').slice(-3000)}`);
    this.#leader = childrenOf(child)[0] ?? 0;
  }

  attempt(command: string, ...words: string[]): Promise<Output> {
    return attempt('nsenter', this.#entering(command, words));
  }

  async run(command: string, ...words: string[]): Promise<string> {
    return (await run('nsenter', this.#entering(command, words))).toString();
  }

  /** In an orderly way, as a machine does it. */
  async powerOff(): Promise<void> {
    const child = this.#child;
    if (child === undefined) throw new Error('not booted');
    const ended = once(child, 'exit');
    await this.attempt('systemctl', 'poweroff');
    await ended;
  }

  #entering(command: string, words: readonly string[]): string[] {
    return ['--target', String(this.#leader), '--mount', '--uts', '--ipc', '--net', '--pid', '--cgroup', command, ...words];
  }
}

function childrenOf({ pid = 0 }: ChildProcess): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter((word) => word.trim() !== '').map(Number);
}
