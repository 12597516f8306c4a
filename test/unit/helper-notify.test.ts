import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { notifyReady } from '../../helper/notify.js';
import { scratchDirectory } from '../support/scratch.js';

const environment = { ...process.env };
t.afterEach(() => {
  process.env = { ...environment };
});

/** Puts a program of that text in place of systemd-notify(1). */
function replaceProgram(t: Parameters<typeof scratchDirectory>[0], text: string): string {
  const directory = scratchDirectory(t, 'notify');
  const program = join(directory, 'systemd-notify');
  writeFileSync(program, `#!/bin/sh\n${text}\n`);
  chmodSync(program, 0o755);
  process.env['PATH'] = `${directory}:${environment['PATH'] ?? ''}`;
  process.env['NOTIFY_SOCKET'] = '/run/nobody-listens';
  return directory;
}

t.test('the service manager hears that a mount is ready', async (t) => {
  const directory = replaceProgram(t, 'printf "%s\\n" "$@" >"$(dirname "$0")/heard"');
  t.equal(await notifyReady('serving a on b'), undefined);
  const heard = readFileSync(join(directory, 'heard'), 'utf8').split('\n');
  t.ok(heard.includes('--ready'), 'ready');
  t.ok(heard.includes('--status=serving a on b'), 'status');
});

t.test('without a service manager nothing is run', async (t) => {
  const directory = replaceProgram(t, 'exit 1');
  delete process.env['NOTIFY_SOCKET'];
  t.equal(await notifyReady('serving'), undefined);
  t.ok(directory);
});

t.test('a manager that cannot be told is a warning, no failure', async (t) => {
  replaceProgram(t, 'echo refused >&2; exit 1');
  t.match(await notifyReady('serving'), /could not be told/);
});
