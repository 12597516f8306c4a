import { bootAndRun, quoted } from '../test/kernel/boot.js';
import { testKernel } from '../test/kernel/build.js';

const SECONDS = 3 * 60 * 60;
const MEGABYTES = 6144;

/** The same benchmark in the test kernel, which has iomap. What it writes there is gone afterwards: only its output stays. */
export async function benchInTestKernel(words: readonly string[], progress: (message: string) => void): Promise<number> {
  const kernel = await testKernel(progress);
  const command = ['node', 'dist/bench/main.js', ...words].map(quoted).join(' ');
  const { status, messages } = await bootAndRun({ kernel, command, megabytes: MEGABYTES, seconds: SECONDS, onOutput: (chunk) => process.stdout.write(chunk) });
  if (status === undefined) process.stderr.write(messages);
  return status ?? 1;
}
