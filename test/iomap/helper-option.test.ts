/** The option iomap= where the kernel cannot keep file data: every kernel so far. */
import { existsSync } from 'node:fs';
import t from 'tap';
import { exitStatus, MountError } from '../../helper/mount/errors.js';
import { mount } from '../../helper/mount/mount.js';
import { parseOptions } from '../../helper/mount/options.js';
import { mountsImpossible } from '../support/bare-mount.js';
import { Workbench } from '../support/helper-workbench.js';

t.setTimeout(180_000);

t.test('the option is the helper\'s and the server\'s', async (t) => {
  t.equal(parseOptions([]).helper.iomap, 'auto');
  for (const wish of ['auto', 'on', 'off'] as const) {
    const { helper, server } = parseOptions([`iomap=${wish},iomap_profile=B`]);
    t.equal(helper.iomap, wish);
    t.same(server, [`iomap=${wish}`, 'iomap_profile=B']);
  }
  t.equal(parseOptions(['iomap=on', 'iomap=off']).helper.iomap, 'off');
  t.throws(() => parseOptions(['iomap=yes']), { code: 'BAD_OPTION' });
  t.throws(() => parseOptions(['iomap']), { code: 'BAD_OPTION' });
});

const hasExtension = existsSync('/sys/module/fuse/parameters/enable_iomap') && 'this kernel has the extension';

t.test('a kernel without the extension', { skip: mountsImpossible || hasExtension }, async (t) => {
  const bench = new Workbench();
  t.teardown(() => bench.clear());
  const [loop, image] = [bench.loopDevice(), bench.image('file')];
  const attempt = async (source: string, words: string): Promise<MountError | undefined> => {
    try {
      const options = parseOptions([words]);
      await mount({ source, target: bench.target, options, foreground: false }, bench.environment(undefined, {}));
      return undefined;
    } catch (error) {
      if (error instanceof MountError) return error;
      throw error;
    }
  };
  t.match(await attempt(loop, 'iomap=on'), { code: 'NO_IOMAP', exitStatus: exitStatus.failure, message: /this kernel has no iomap for FUSE/, hint: /iomap=auto/ });
  t.match(await attempt(image, 'iomap=on'), { code: 'NO_IOMAP', exitStatus: exitStatus.failure, message: /is not a block device/, hint: /losetup/ });
  t.equal(bench.mountEntry(), undefined, 'nothing is mounted');
  t.same(bench.leftovers(), [], 'and nothing stays behind');
  for (const words of ['', 'iomap=auto', 'iomap=off']) {
    t.equal(await attempt(loop, words), undefined, `mounted with "${words}"`);
    t.match(bench.mountEntry(), { type: 'fuseblk.fuse4fs', source: loop });
    bench.unmount();
  }
});
