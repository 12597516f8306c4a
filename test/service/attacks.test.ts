/** A server that was taken over tries what an attacker would: every wall of every installation, one attempt each. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { mount } from '../../helper/mount/mount.js';
import { parseOptions } from '../../helper/mount/options.js';
import { assertDenied, REPORT } from '../support/attacks/verdict.js';
import { attackingProgram } from '../support/contained-program.js';
import { Workbench } from '../support/helper-workbench.js';
import { cannotMount } from '../support/machine.js';
import { nativeAddon } from '../support/native.js';

const skip = cannotMount();

t.before(async () => void (await nativeAddon('system-calls')));

for (const [access, source] of [['ro', 'image'], ['rw', 'image'], ['ro', 'loop device']] as const) {
  t.test(`from our own launcher, ${source}, ${access}`, { skip }, async (t) => {
    const bench = new Workbench();
    t.teardown(() => bench.clear());
    const request = { source: source === 'image' ? bench.image() : bench.loopDevice(), target: bench.target, options: parseOptions([access]), foreground: false };
    await mount(request, bench.environment(attackingProgram));
    assertDenied(t, readFileSync(join(bench.target, REPORT), 'utf8'));
    bench.unmount();
  });
}
