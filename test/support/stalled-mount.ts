/** Begins a mount whose server stalls, and says so: stalled-mount.js SOURCE TARGET RUNTIME-DIRECTORY STEP MARK. To be interrupted. */
import { writeSync } from 'node:fs';
import { systemEnvironment } from '../../helper/mount/mount-environment.js';
import { mount } from '../../helper/mount/mount.js';
import { parseOptions } from '../../helper/mount/options.js';
import { containedProgram } from './contained-program.js';

const [source = '', target = '', mounts = '', step = '', mark = ''] = process.argv.slice(2);

await mount(
  { source, target, options: parseOptions([]), foreground: true },
  {
    ...systemEnvironment(),
    runtime: { mounts, serviceSocket: '/does/not/exist' },
    program: () => containedProgram('faulty-server.js', step, 'stall', mark),
    interruptible: true,
  },
);
writeSync(1, 'mounted, which should not have happened\n');
