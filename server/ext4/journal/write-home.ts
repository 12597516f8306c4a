import type { BlockDevice } from '../../device/block-device.js';
import { loadContent } from './recovered-device.js';
import type { ReplayedBlocks } from './replayed-blocks.js';
import type { JournalSource } from './source.js';

/**
 * Writes what was recovered to where it belongs, and returns when it is stable. Doing it again, after
 * a crash in its midst, comes to the same; the journal may be marked empty only after this.
 */
export function writeHome(device: BlockDevice, source: JournalSource, blocks: ReplayedBlocks): void {
  const { blockSize } = source;
  const content = new Uint8Array(blockSize);
  for (const block of blocks.sortedTargets()) {
    const location = blocks.locate(block);
    if (location === null) continue;
    loadContent(source, location, blocks.isEscaped(block), content);
    device.write(content, 0, blockSize, block * blockSize);
  }
  device.flush();
}
