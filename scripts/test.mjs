// npm test [-- PART-OF-A-FILE-NAME…]: installs what is missing, builds, lints, runs the compiled tests, sums up.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { requireNpmPackages, requireTools } from './requirements.mjs';

process.chdir(join(dirname(fileURLToPath(import.meta.url)), '..'));

const concurrency = 2;
const failuresDirectory = 'test-failures';
const selections = process.argv.slice(2);

requireTools('test');
requireNpmPackages();
const { limitOf, needsTestKernel, runTestFile } = await import('./tap-file.mjs');

const npmRun = (script) => {
  const started = performance.now();
  const { status, stdout, stderr } = spawnSync('npm', ['run', '--silent', script], { encoding: 'utf8', maxBuffer: 1 << 28 });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`${status === 0 ? 'ok  ' : 'FAIL'} ${seconds.padStart(7)} s  npm run ${script}`);
  if (status !== 0) process.stdout.write(stdout + stderr);
  return status === 0;
};

/** Those that may take longest go first. A compiled test whose source is gone is a leftover of an earlier build. */
const testFiles = () =>
  readdirSync('dist', { recursive: true, encoding: 'utf8' })
    .filter((name) => /^test\/.*\.test\.js$/.test(name) && existsSync(name.replace(/\.js$/, '.ts')))
    .map((name) => join('dist', name))
    .filter((file) => selections.length === 0 || selections.some((part) => file.includes(part)))
    .sort()
    .sort((one, other) => limitOf(other) - limitOf(one));

const plural = (count, what) => `${count} ${what}${count === 1 ? '' : 's'}`;

function reportFile(result) {
  const bad = result.failed.length > 0 || result.problems.length > 0;
  const seconds = result.seconds.toFixed(1).padStart(7);
  const skipped = result.skipped.length > 0 ? `, ${result.skipped.length} skipped` : '';
  const name = relative('dist', result.file);
  console.log(`${bad ? 'FAIL' : 'ok  '} ${seconds} s  ${name}: ${plural(result.passed, 'assertion')}${skipped}`);
  for (const warning of result.warnings) console.log(`       ${name} ${warning}`);
  if (!bad) return;
  for (const problem of result.problems) console.log(`       ${name} ${problem}`);
  for (const failure of result.failed) console.log(`       not ok: ${failure}`);
  console.log(`----- output of ${name} (from the first failure on; all of it in ${result.log})`);
  console.log(excerpt(readFileSync(result.log, 'utf8')));
  console.log(`----- images and logs it left: ${result.scratch}`);
}

const excerpt = (output) => {
  const lines = output.split('\n');
  const first = Math.max(0, lines.findIndex((line) => /^\s*not ok/.test(line)));
  const shown = lines.slice(first, first + 80);
  return lines.length > first + 80 ? [...shown, '…'].join('\n') : shown.join('\n');
};

/** Its build goes on meanwhile, and what needs it comes last. */
async function runAll(files, scratchRoot) {
  const results = [];
  const queue = [...files.filter((file) => !needsTestKernel(file)), ...files.filter(needsTestKernel)];
  const kernelBuild = queue.some(needsTestKernel) ? (await import('./test-kernel-build.mjs')).buildTestKernel() : undefined;
  const running = new Set();
  const progress = setInterval(() => console.log(`            … running ${[...running].join(', ')}`), 60_000);
  const worker = async () => {
    for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
      const name = relative('dist/test', file).replace(/\.test\.js$/, '').replaceAll('/', '-');
      running.add(name);
      // Short: paths of sockets and the titles of processes have little room.
      const scratch = join(scratchRoot, `${results.length + running.size}-${basename(file, '.test.js')}`);
      const noKernel = needsTestKernel(file) ? await kernelBuild.reasonForNone() : undefined;
      const environment = noKernel === undefined ? {} : { FUSE4FS_NO_TEST_KERNEL: noKernel };
      const result = await runTestFile(file, { scratch, log: join(failuresDirectory, `${name}.log`), environment });
      running.delete(name);
      reportFile(result);
      if (result.failed.length === 0 && result.problems.length === 0) rmSync(result.log);
      results.push(result);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  clearInterval(progress);
  await kernelBuild?.end();
  return results;
}

function reportSkips(results) {
  const byReason = new Map();
  for (const { file, skipped } of results)
    for (const { name, reason } of skipped)
      byReason.set(reason, [...(byReason.get(reason) ?? []), `${relative('dist', file)}: ${name}`]);
  if (byReason.size > 0) console.log('\nSkipped:');
  for (const [reason, names] of byReason) {
    console.log(`  ${reason} (${names.length})`);
    for (const name of names.slice(0, 5)) console.log(`      ${name}`);
    if (names.length > 5) console.log(`      … and ${names.length - 5} more`);
  }
}

const stepsFailed = npmRun('build') ? (npmRun('lint') ? 0 : 1) : 2;
if (stepsFailed === 2) {
  console.log('0 passed, 1 failed, 0 skipped');
  process.exit(1);
}
const files = testFiles();
if (files.length === 0) {
  console.error(`no test file has "${selections.join('" or "')}" in its name`);
  process.exit(1);
}
rmSync(failuresDirectory, { recursive: true, force: true });
mkdirSync(failuresDirectory);
const scratchRoot = mkdtempSync(join(tmpdir(), 'f4-'));
// Tests that act as an unprivileged user must reach their own files below it.
spawnSync('chmod', ['755', scratchRoot]);
const results = await runAll(files, scratchRoot);
for (const directory of [scratchRoot, failuresDirectory])
  if (readdirSync(directory).length === 0) rmSync(directory, { recursive: true });

reportSkips(results);
const sum = (count) => results.reduce((total, result) => total + count(result), 0);
const passed = sum((result) => result.passed);
const failed = sum((result) => result.failed.length + result.problems.length) + stepsFailed;
const skipped = sum((result) => result.skipped.length);
console.log(`\nAssertions of ${plural(results.length, 'test file')}${stepsFailed > 0 ? ', and lint' : ''}:`);
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exit(failed > 0 ? 1 : 0);
