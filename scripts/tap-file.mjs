// Runs one compiled test file in its own scratch directory and counts what its TAP says.
import { spawn } from 'node:child_process';
import { createWriteStream, existsSync, mkdirSync, readFileSync, rmSync } from 'node:fs';
import { Parser } from 'tap-parser';
import { endLeftovers, unmountLeftovers } from './test-leftovers.mjs';

const defaultLimit = 300;

/** A file that needs longer says so in a comment of its own: "// time limit: 600 s". */
export const limitOf = (file) => {
  const stated = /^\/\/ time limit: (\d+) s$/m.exec(readFileSync(file, 'utf8'));
  return stated ? Number(stated[1]) : defaultLimit;
};

/** Where that has to be built, such files run last: "// needs the test kernel". */
export const needsTestKernel = (file) => /^\/\/ needs the test kernel$/m.test(readFileSync(file, 'utf8'));

/** Assertions at any depth; the test point that closes a subtest is counted only where it says something of its own. */
function tally(parser, path, counts) {
  let child;
  let assertionsInChild = 0;
  parser.on('child', (subtest) => {
    child = subtest;
    const before = counts.passed + counts.failed.length + counts.skipped.length;
    tally(subtest, [...path, subtest.name], counts);
    subtest.on('complete', () => {
      assertionsInChild = counts.passed + counts.failed.length + counts.skipped.length - before;
    });
  });
  parser.on('assert', (point) => {
    const closesChild = child?.closingTestPoint === point;
    const childWasFine = child?.results?.ok ?? true;
    if (closesChild && assertionsInChild > 0 && point.ok === childWasFine) return;
    if (closesChild) child = undefined;
    const name = [...path, point.name].join(' > ');
    if (point.skip || point.todo) counts.skipped.push({ name, reason: reasonOf(point) });
    else if (point.ok) counts.passed++;
    else counts.failed.push(name);
  });
}

const reasonOf = ({ name, skip, todo }) => {
  if (typeof skip === 'string') return skip;
  if (typeof todo === 'string') return todo;
  return skip ? name : 'to do';
};

/**
 * @returns counts, in `problems` whatever is wrong with the file as a whole: exit status, time limit, forgotten mounts;
 * and in `warnings` what else it has left behind, which is ended here
 */
export async function runTestFile(file, { scratch, log, environment = {} }) {
  mkdirSync(scratch, { recursive: true, mode: 0o755 });
  const counts = { file, passed: 0, failed: [], skipped: [], problems: [], warnings: [], log, scratch };
  const parser = new Parser();
  tally(parser, [], counts);
  const limit = limitOf(file);
  const started = performance.now();
  const child = spawn(process.execPath, ['--enable-source-maps', file], {
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
    env: { ...process.env, TMPDIR: scratch, TAP_TIMEOUT: String(limit), FUSE4FS_TEST_RUN: '1', ...environment },
  });
  const closed = new Promise((resolve) => child.on('close', resolve));
  const output = createWriteStream(log);
  child.stdout.on('data', (chunk) => (output.write(chunk), parser.write(chunk)));
  child.stderr.on('data', (chunk) => output.write(chunk));
  const watchdog = setTimeout(() => {
    counts.problems.push(`was still running after ${limit} s`);
    process.kill(-child.pid, 'SIGKILL');
  }, (limit + 10) * 1000);
  const [code, signal] = await new Promise((resolve) => child.on('exit', (...how) => resolve(how)));
  clearTimeout(watchdog);
  // Something it started may hold the pipes open: what was written until now is what counts.
  await Promise.race([closed, new Promise((resolve) => setTimeout(resolve, 1000))]);
  child.stdout.destroy();
  child.stderr.destroy();
  parser.end();
  await new Promise((resolve) => output.end(resolve));
  counts.seconds = (performance.now() - started) / 1000;

  if (parser.results?.plan.skipAll) counts.skipped.push({ name: 'all of it', reason: parser.results.plan.skipReason });
  for (const target of unmountLeftovers(scratch)) counts.problems.push(`left ${target} mounted`);
  counts.warnings.push(...(await endLeftovers(scratch)));
  const nothingFailed = counts.failed.length === 0 && counts.problems.length === 0;
  if (nothingFailed && signal) counts.problems.push(`was ended by ${signal}`);
  else if (nothingFailed && code !== 0) counts.problems.push(`exited with status ${code}`);
  else if (nothingFailed && !parser.results?.ok) counts.problems.push('its output is not complete TAP');
  if (nothingFailed && counts.problems.length === 0 && existsSync(scratch)) rmSync(scratch, { recursive: true, force: true });
  return counts;
}
