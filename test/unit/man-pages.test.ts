import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { optionPage } from '../../cli/option-page.js';

const root = new URL('../../../', import.meta.url);
const file = (path: string): string => fileURLToPath(new URL(path, root));
const pages = ['fuse4fs-automount.json.5', 'fuse4fs-helper.json.5', 'fuse4fs.1', 'fuse4fs.5', 'mount.fuse4fs.8', 'umount.fuse4fs.8'];
const formatter = existsSync('/usr/bin/man') && existsSync('/usr/bin/groff') ? false : 'man and groff are not installed';

const formatted = (page: string): { text: string; complaints: string } => {
  const environment = { ...process.env, LC_ALL: 'C.UTF-8', MANWIDTH: '200', MAN_KEEP_FORMATTING: '' };
  const { stdout, stderr } = spawnSync('man', ['--warnings', '-l', file(`man/${page}`)], { env: environment, encoding: 'utf8' });
  return { text: stdout, complaints: stderr };
};

const helpOf = (command: string, ...args: string[]): string =>
  execFileSync(process.execPath, [file(`dist/cli/${command}.cjs`), ...args, '--help'], { encoding: 'utf8' });

t.test('fuse4fs(5) is what the table of options makes', async (t) => {
  const stored = readFileSync(file('man/fuse4fs.5'), 'utf8');
  const date = /^\.Dd (.*)$/m.exec(stored)?.[1] ?? '';
  t.equal(stored, optionPage(date), 'otherwise run node scripts/build-man.mjs');
});

t.test('pages are well-formed and tell every option of --help', { skip: formatter }, async (t) => {
  const helps: Readonly<Record<string, string>> = {
    'fuse4fs.1': ['mount', 'detached', 'umount', 'eject', 'status', 'monitor', 'wait', 'node-agent', 'inspect', 'libfuse'].map((command) => helpOf('fuse4fs', command)).join('\n'),
    'mount.fuse4fs.8': helpOf('mount.fuse4fs'),
    'umount.fuse4fs.8': helpOf('umount.fuse4fs'),
  };
  for (const page of pages) {
    const { text, complaints } = formatted(page);
    t.equal(complaints, '', `${page} formats without a warning`);
    t.match(text, /^NAME$/m);
    const options = (helps[page] ?? '').match(/^ {2}(?:-\w, )?--[a-z-]+/gm)?.map((option) => option.trim()) ?? [];
    for (const option of options) t.ok(text.includes(option), `${page} tells ${option}`);
  }
});

t.test('they are installed with the package', async (t) => {
  const { man, files } = JSON.parse(readFileSync(file('package.json'), 'utf8')) as { man: string[]; files: string[] };
  t.same(man.toSorted(), pages.map((page) => `man/${page}`));
  t.ok(files.includes('man'));
});
