// What runs in the test kernel needs one: built, or said why it cannot be.
import { testKernel } from '../dist/test/kernel/build.js';
import { SourceUnavailable } from '../dist/test/kernel/source.js';

const SKIPPED = 77;

const tell = (progress) => console.error(`            … ${progress}`);

/** Its path; ends the process where it cannot be built. */
export async function testKernelOrExit() {
  try {
    return await testKernel(tell);
  } catch (error) {
    console.error(`No test kernel: ${error.message}`);
    process.exit(error instanceof SourceUnavailable ? SKIPPED : 1);
  }
}
