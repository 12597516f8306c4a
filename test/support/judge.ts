import type { Test } from 'tap';
import { dataThroughServer } from './data-requests.js';
import { e2fsckComplaints } from './image.js';
import { manifestDifferences, treeManifest } from './manifest.js';
import { mountsForIomap } from './mount-source.js';
import { fuseMount, kernelMount } from './mount.js';

/**
 * What a mount that can write does not know: where a file has holes, for SEEK_DATA finds none before its data is
 * written back, and how many blocks it takes until then. And looking at all of it is an access.
 */
export const UNKNOWN_BEFORE_UNMOUNT = ['map', 'blocks', 'atime'];

/**
 * Mounts the image read-write, lets `use` work on it, and has the result judged: after the unmount e2fsck finds
 * nothing, and the kernel's ext4 shows, path by path, what our mount showed.
 */
export async function judged(t: Test, image: string, use: (target: string) => Promise<void>): Promise<void> {
  const ours = await fuseMount(image, [], async (target) => {
    await use(target);
    const manifest = await treeManifest(target);
    if (mountsForIomap) t.strictSame(await dataThroughServer(target), [], 'the kernel has moved all data itself');
    return manifest;
  });
  t.equal(await e2fsckComplaints(image), undefined, 'e2fsck finds nothing');
  const kernel = await kernelMount(image, ['ro'], treeManifest);
  t.strictSame(manifestDifferences(kernel, ours, UNKNOWN_BEFORE_UNMOUNT).slice(0, 20), [], `the kernel shows the same ${kernel.size} paths`);
}
