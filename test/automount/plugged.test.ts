// time limit: 420 s
// needs the test kernel
/**
 * Disks are plugged into a whole system, systemd, udev, logind and udisks over the test kernel, and taken out: inside/
 * does it there. Its packages are unpacked for it alone: the machine itself may do without.
 */
import { cpSync, existsSync, readFileSync, renameSync, rmSync, watch, writeFileSync, type FSWatcher } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { availableKernel } from '../kernel/available.js';
import { bootAndRun } from '../kernel/boot.js';
import { tellConsole } from '../kernel/console.js';
import { packagesOrReason, UDISKS } from '../support/debian-packages.js';
import { missing } from '../support/machine.js';
import { projectRoot } from '../support/native.js';

t.setTimeout(420_000);

const SECONDS = 300;
const MEGABYTES = 3072;
const COMMAND = `TAP_TIMEOUT=${SECONDS} node dist/test/automount/inside/plugged.js`;

/** Tells the kernel's console what the test inside wishes. */
function serveWishes(exchange: string): FSWatcher {
  const [wish, answer] = [join(exchange, 'wish'), join(exchange, 'answer')];
  let busy = false;
  const look = async (): Promise<void> => {
    if (busy || !existsSync(wish)) return;
    busy = true;
    const command = readFileSync(wish, 'utf8').replaceAll('EXCHANGE', exchange);
    rmSync(wish);
    const said = await tellConsole(exchange, command).then(() => 'done', (error: unknown) => String(error));
    busy = false;
    writeFileSync(`${answer}.new`, said);
    renameSync(`${answer}.new`, answer);
  };
  return watch(exchange, () => void look());
}

interface Outcome {
  /** Undefined where the system never came so far as to run the command. */
  readonly output: string | undefined;
  readonly status: number | undefined;
  /** Of the system's journal and of the installation, for whoever looks for a fault. */
  readonly journal: string;
}

async function bootWholeSystem(kernel: string, packages: string): Promise<Outcome> {
  let watcher: FSWatcher | undefined;
  let exchange = '';
  const left: Record<string, string | undefined> = {};
  let console = '';
  const { status, messages } = await bootAndRun({
    kernel,
    command: COMMAND,
    seconds: SECONDS,
    megabytes: MEGABYTES,
    parameters: [`system=${join(projectRoot, 'test/automount/full-system.sh')}`],
    onOutput: (chunk) => (console += chunk.toString()),
    onExchange: (directory) => {
      exchange = directory;
      cpSync(packages, join(directory, 'packages'), { recursive: true, verbatimSymlinks: true });
      watcher = serveWishes(directory);
    },
    onEnd: () => {
      watcher?.close();
      for (const name of ['output', 'install.log', 'journal']) {
        const file = join(exchange, name);
        if (existsSync(file)) left[name] = readFileSync(file, 'utf8');
      }
    },
  });
  return { output: left['output'], status, journal: [left['install.log'], left['journal'], console, messages].join('\n') };
}

/** The assertions of a test that ran elsewhere, one by one. */
function repeat(t: Test, output: string): number {
  const points = [...output.matchAll(/^ {4}(not )?ok \d+ - (.*)$/gmu)];
  for (const [, failed, name = ''] of points) t.equal(failed, undefined, name);
  return points.length;
}

const lacking = missing('dbus-daemon', 'mke2fs', 'debugfs', 'systemctl');
const { kernel, skip: noKernel } = await availableKernel(MEGABYTES);
const { packages, skip: noPackages } = noKernel === false ? await packagesOrReason(UDISKS) : { packages: '', skip: false };

t.test('disks that are plugged into a whole system', { skip: noKernel || noPackages || lacking }, async (t) => {
  const { output, status, journal } = await bootWholeSystem(kernel, packages);
  if (output === undefined) {
    t.comment(journal.slice(-4000));
    await t.test('whatever is inside', { skip: 'a whole systemd does not come up in the test kernel here' }, () => undefined);
    return;
  }
  t.ok(repeat(t, output) > 0, 'the test inside says something');
  t.equal(status, 0, 'all of it');
  if (status !== 0) t.comment(`${output.slice(-8000)}\n${journal.slice(-8000)}`);
});
