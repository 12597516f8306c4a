/** `fuse4fs monitor` tells of devices and mounts as they come and go. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import t, { type Test } from 'tap';
import { AutomountBench } from '../support/automount.js';
import { run } from '../support/command.js';
import { debugfs } from '../support/image.js';
import { cannotMount } from '../support/machine.js';
import { fuse4fs } from '../support/mount.js';
import { scratchDirectory } from '../support/scratch.js';

const skip = cannotMount();

type Told = Readonly<Record<string, unknown>>;

/** What it tells of one device; of others, other tests have something to tell. */
class Monitor {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(t: Test, records: string, ...words: string[]) {
    this.#child = spawn(process.execPath, [fuse4fs, 'monitor', '--records', records, ...words], { stdio: ['ignore', 'pipe', 'inherit'] });
    const { stdout } = this.#child;
    if (stdout === null) throw new Error('no output');
    this.#lines = createInterface(stdout)[Symbol.asyncIterator]();
    t.teardown(() => this.end());
  }

  async line(about: string): Promise<string> {
    for (;;) {
      const { value, done } = await this.#lines.next();
      if (done === true) throw new Error(`it ended without a word of ${about}`);
      if (value.includes(about)) return value;
    }
  }

  /** The next that is about a device, without its time. */
  async event(source: string): Promise<Told> {
    const { time, ...told } = JSON.parse(await this.line(`"source":"${source}"`)) as Told;
    if (typeof time !== 'string' || Number.isNaN(Date.parse(time))) throw new Error(`no time: ${String(time)}`);
    return told;
  }

  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, 'exit');
    this.#child.kill('SIGINT');
    await gone;
  }
}

t.test('a stick comes and goes', { skip }, async (t) => {
  const bench = new AutomountBench(t, scratchDirectory(t, 'monitor'));
  const stick = await bench.stick(t, [], async (image) => void (await debugfs(image, ['set_super_value state 3'], true)));
  const { node: source } = stick;
  const first = await bench.stick(t);
  await bench.appear(first, { ID_FS_LABEL_ENC: 'first' });

  const monitor = new Monitor(t, bench.records, '--json');
  t.match(await monitor.event(first.node), { event: 'appeared', label: 'first', present: true }, 'what is there comes first');
  t.match(await monitor.event(first.node), { event: 'mounted', target: join(bench.systemRoot, 'first'), present: true, readOnly: false });

  await bench.appear(stick, { ID_FS_LABEL_ENC: 'news', ID_FS_UUID: 'abcd-1' });
  const target = join(bench.systemRoot, 'news');
  t.same(await monitor.event(source), { event: 'appeared', source, type: 'ext4', label: 'news', uuid: 'abcd-1' });
  t.match(await monitor.event(source), { event: 'mounted', target, readOnly: true });
  t.match(await monitor.event(source), { event: 'warned', message: /mounted read-only, because it is marked as damaged/u });
  await monitor.event(source);
  await bench.disappear(stick);
  const last = [await monitor.event(source), await monitor.event(source)];
  t.match(last, [{ event: 'unmounted', target }, { event: 'gone', source }]);

  await bench.appear(stick, { ID_BUS: 'ata' });
  t.match(await monitor.event(source), { event: 'appeared' });
  t.match(await monitor.event(source), { event: 'ignored', because: /not removable/u });
  await bench.disappear(stick);
  t.match(await monitor.event(source), { event: 'gone' });

  bench.policy('{');
  await bench.appear(stick);
  t.match(await monitor.event(source), { event: 'appeared' });
  t.match(await monitor.event(source), { event: 'failed', code: 'POLICY_INVALID', message: /is not JSON/u });
});

t.test('for people, and before there was any automount', { skip }, async (t) => {
  const directory = scratchDirectory(t, 'monitor-words');
  const bench = new AutomountBench(t, directory);
  const monitor = new Monitor(t, bench.records);
  const other = await bench.stick(t);
  // It is at work as soon as it tells of anything: here, of a mount that is none of the automount's.
  const target = join(directory, 'mnt');
  await run('mkdir', [target]);
  await run(process.execPath, [fuse4fs, other.node, target]);
  t.match(await monitor.line(target), new RegExp(`^\\d\\d:\\d\\d:\\d\\d ${other.node} mounted on ${target}$`, 'u'));
  const stick = await bench.stick(t);
  await bench.appear(stick, { ID_FS_LABEL_ENC: 'a\\x1b[31mb' });
  t.match(await monitor.line(`${stick.node} appeared`), /appeared: ext4, label a\ufffd\[31mb$/u, 'what would be obeyed by a terminal is not told to it');
  t.match(await monitor.line(`${stick.node} mounted`), /mounted on .*\/a_\[31mb$/u);
  await run(process.execPath, [fuse4fs, 'umount', target]);
  t.match(await monitor.line(`${other.node} unmounted`), / unmounted from /u);
});
