/** `damaged=ro`: what needs more than a replay of its journal is not written. */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { attempt, run } from '../support/command.js';
import { debugfs, e2fsckComplaints, makeImage, mebibyte, type ImageRecipe } from '../support/image.js';
import { cannotMount } from '../support/machine.js';
import { fuse4fs } from '../support/mount.js';
import { released } from '../support/released.js';
import { scratchDirectory } from '../support/scratch.js';

const skip = cannotMount();

interface Outcome {
  readonly readOnly: boolean;
  readonly warnings: readonly string[];
  /** Nothing in the image has changed. */
  readonly untouched: boolean;
  readonly image: string;
}

/** Mounts, tries to write, unmounts. */
async function mountDamaged(t: Test, recipe: ImageRecipe, commands: readonly string[], option = 'damaged=ro'): Promise<Outcome> {
  const directory = scratchDirectory(t, 'damaged');
  const image = await makeImage(directory, { size: 16 * mebibyte, ...recipe });
  await debugfs(image, commands, true);
  const before = readFileSync(image);
  const target = join(directory, 'mnt');
  mkdirSync(target);
  const mounted = await run(process.execPath, [fuse4fs, '--json', image, target, '-o', option]);
  try {
    const { result, warnings } = JSON.parse(mounted.toString()) as { result: { readOnly: boolean }; warnings: string[] };
    t.equal((await attempt('touch', [join(target, 'new')])).status === 0, !result.readOnly, 'written as it says');
    await run('ls', ['-l', target]);
    await run(process.execPath, [fuse4fs, 'umount', target]);
    await released(image);
    return { readOnly: result.readOnly, warnings, untouched: readFileSync(image).equals(before), image };
  } finally {
    await attempt('umount', ['-l', target]);
  }
}

t.test('marked as damaged', { skip }, async (t) => {
  const kept = await mountDamaged(t, {}, ['set_super_value state 3']);
  t.match(kept, { readOnly: true, untouched: true });
  t.match(kept.warnings[0], /^mounted read-only, because it is marked as damaged: run e2fsck on it$/u);
  t.match(await mountDamaged(t, {}, ['set_super_value state 3'], 'damaged=rw'), { readOnly: false, untouched: false });
  t.match(await mountDamaged(t, {}, ['set_super_value state 3'], 'defaults'), { readOnly: false }, 'as ever, where nobody asked');
});

t.test('without a journal, and not unmounted', { skip }, async (t) => {
  const kept = await mountDamaged(t, { type: 'ext2' }, ['set_super_value state 0']);
  t.match(kept, { readOnly: true, untouched: true });
  t.match(kept.warnings.join('\n'), /because it was not unmounted and has no journal/u);
  t.match(await mountDamaged(t, { type: 'ext2' }, []), { readOnly: false }, 'a clean one is written');
});

t.test('a journal that needs recovery', { skip }, async (t) => {
  const recovered = await mountDamaged(t, {}, ['feature needs_recovery']);
  t.match(recovered, { readOnly: false, warnings: [] }, 'is all that it needs');
  t.equal(await e2fsckComplaints(recovered.image), undefined);
});

t.test('a journal that cannot be recovered', { skip }, async (t) => {
  const kept = await mountDamaged(t, {}, ['feature needs_recovery', 'zap_block -f <8> -p 0x5a 0']);
  t.match(kept, { readOnly: true, untouched: true });
  t.match(kept.warnings.join('\n'), /because its journal cannot be recovered \(.*files may be inconsistent/su);
});
