/** Wherever the server fails, nothing stays: no mount, no process, no socket, no descriptor. */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { MountError } from '../../helper/mount/errors.js';
import { mount } from '../../helper/mount/mount.js';
import { parseOptions } from '../../helper/mount/options.js';
import { mountsImpossible } from '../support/bare-mount.js';
import { containedProgram } from '../support/contained-program.js';
import { ACTIONS, STEPS, type Action } from '../support/faulty-server.js';
import { processesWith, Workbench } from '../support/helper-workbench.js';

t.setTimeout(180_000);

const expected: Record<Action, RegExp> = {
  killed: /^SERVER_FAILED CLOSED the server ended before the mount was ready \(signal \d+\)/,
  exit: /^SERVER_FAILED CLOSED the server ended before the mount was ready \(exit status 7\)/,
  refuse: /^SERVER_REFUSED IO the disk has a hole/,
  stall: /^SERVER_FAILED TIMEOUT the server did not answer in time/,
  babble: /^SERVER_FAILED MALFORMED /,
};

/** What this process has open, by what it leads to. */
const descriptors = (): string[] =>
  readdirSync('/proc/self/fd').flatMap((name) => {
    try {
      return `${name}: ${readlinkSync(join('/proc/self/fd', name))}`;
    } catch {
      // That of the directory that was just read.
      return [];
    }
  });

t.test('a server that fails', { skip: mountsImpossible }, async (t) => {
  // From its first child on, Node keeps a descriptor of /dev/null.
  await once(spawn('true'), 'exit');
  for (const kind of ['image', 'block device'] as const) {
    const bench = new Workbench();
    t.teardown(() => bench.clear());
    const source = kind === 'image' ? bench.image() : bench.loopDevice();
    const journal = bench.image('journal');
    for (const oldApi of [false, true]) {
      for (const step of STEPS) {
        for (const action of ACTIONS) {
          const name = `${action} at ${step}, ${kind}, ${oldApi ? 'mount(2)' : 'fsmount(2)'}`;
          if (oldApi && step !== 'mounted') continue;
          const mark = randomUUID();
          const environment = bench.environment(() => containedProgram('faulty-server.js', step, action, mark), {
            timeouts: action === 'stall' ? { welcome: 700, mountPlan: 500, ready: 500 } : {},
            patience: 100,
            oldApi,
          });
          const before = descriptors();
          const request = { source, target: bench.target, options: parseOptions([`journal_path=${journal}`]), foreground: false };
          const error: unknown = await mount(request, environment).catch((error: unknown) => error);
          if (!(error instanceof MountError)) throw new Error(`${name}: ${String(error)}`);
          const pattern = step === 'connected' && action === 'refuse' ? /^SERVER_FAILED CLOSED/ : expected[action];
          t.match(`${error.code} ${error.reason} ${error.message}`, pattern, name);
          t.equal(error.exitStatus, 32, `${name}: exit status`);
          if (action === 'exit') t.match(error.hint, 'faulty-server: that was it', `${name}: the server's last words`);
          t.equal(bench.mountEntry(), undefined, `${name}: no mount`);
          t.same(bench.leftovers(), [], `${name}: no socket, no log`);
          t.same(processesWith(mark), [], `${name}: no process`);
          t.same(descriptors(), before, `${name}: no descriptor`);
        }
      }
    }
  }
});

t.test('a server that cannot even be started', { skip: mountsImpossible }, async (t) => {
  const bench = new Workbench();
  t.teardown(() => bench.clear());
  const program = containedProgram('tiny-server.js');
  const broken = { ...program, command: ['/nothing'] as const };
  const request = { source: bench.image(), target: bench.target, options: parseOptions([]), foreground: false };
  await t.rejects(mount(request, bench.environment(() => broken)), {
    code: 'SERVER_NOT_STARTED', exitStatus: 2, message: 'cannot start the server: starting /nothing: No such file or directory',
  });
  const invisible = { ...program, shown: [...program.shown, { outside: '/does/not/exist', inside: '/x' }] };
  await t.rejects(mount(request, bench.environment(() => invisible)), {
    code: 'SERVER_NOT_STARTED', message: 'cannot start the server: /does/not/exist: No such file or directory',
  });
  t.equal(bench.mountEntry(), undefined);
  t.same(bench.leftovers(), []);
});
