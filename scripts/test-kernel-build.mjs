// The test kernel is built beside the other tests of npm test, from the time that they leave over.
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { cannotRunKernel } from '../dist/test/kernel/available.js';
import { cachedKernel, removeUnfinishedBuild } from '../dist/test/kernel/build.js';

/** From the start of npm test: what needs the kernel must still fit into the half hour that all tests have. */
const DEADLINE_MINUTES = 22;
const LEAST_MEGABYTES = 2048;

const nothingToBuild = { reasonForNone: () => Promise.resolve(undefined), end: () => Promise.resolve() };

/** With a quarter of the processors, and what the tests leave of them, it is ready when these are. */
const NICENESS = '5';

/** Yields to the tests: where each session has its share of the processors, by a smaller share for its own. */
function spawnYielding(command, args) {
  const child = spawn('nice', ['-n', NICENESS, 'ionice', '-c', '3', '-t', command, ...args], { detached: true, stdio: ['ignore', 'ignore', 'pipe'] });
  try {
    writeFileSync(`/proc/${child.pid}/autogroup`, NICENESS);
  } catch {
    // Sessions are not grouped here.
  }
  return child;
}

class KernelBuild {
  #child = spawnYielding(process.execPath, ['scripts/test-iomap.mjs', '--build']);
  #started = performance.now();
  #said = '';
  #isRunning = true;
  #closed;
  #kill = () => this.#isRunning && process.kill(-this.#child.pid, 'SIGKILL');

  constructor() {
    this.#child.stderr.setEncoding('utf8').on('data', (chunk) => {
      this.#said += chunk;
      process.stdout.write(chunk.replaceAll(/^(?! *…).*\n/gm, ''));
    });
    this.#closed = new Promise((resolve) => {
      this.#child.on('exit', () => (this.#isRunning = false)).on('close', resolve);
      this.#child.on('error', () => resolve((this.#isRunning = false)));
    });
    process.on('exit', this.#kill);
    for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
  }

  /** Waits for the end of the build, at most until the deadline, and says why there is no kernel then. */
  async reasonForNone() {
    const timer = new AbortController();
    const deadline = pause(Math.max(0, DEADLINE_MINUTES * 60_000 - performance.now()), 'late', { signal: timer.signal }).catch(() => undefined);
    const status = await Promise.race([this.#closed, deadline]);
    timer.abort();
    if (status === 0) return undefined;
    if (status === 'late') return `its build is not done ${DEADLINE_MINUTES} minutes after the start`;
    return /^No test kernel: (.*)$/m.exec(this.#said)?.[1] ?? 'its build was ended';
  }

  async end() {
    this.#kill();
    await this.#closed;
    process.off('exit', this.#kill);
    await removeUnfinishedBuild();
  }
}

/** Begins with it, unless it has been built, or could not run here. */
export const buildTestKernel = () => (cachedKernel() !== undefined || cannotRunKernel(LEAST_MEGABYTES) !== false ? nothingToBuild : new KernelBuild());
