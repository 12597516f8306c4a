// npm run test:automount: what npm test does in the test kernel, with the kernel's build before it.
import { spawnSync } from 'node:child_process';
import { testKernelOrExit } from './test-kernel.mjs';

await testKernelOrExit();
process.exitCode = spawnSync(process.execPath, ['dist/test/automount/plugged.test.js'], { stdio: 'inherit' }).status ?? 1;
