import { CorruptionError } from '../server/ext4/errors.js';
import type { InodeNumber } from '../server/ext4/units.js';
import { listDirectory } from './directory.js';
import { attempt, type ImageError } from './errors.js';
import type { OpenImage } from './open-image.js';
import { joinPath } from './path.js';
import type { ImageStats } from './stats.js';
import type { TreeEntry } from './tree.js';

export interface WalkEntry {
  /** As text; bytes that are not UTF-8 show as U+FFFD. */
  readonly path: string;
  /** The path to hand back to any call: exact whatever its bytes. */
  readonly pathBytes: Buffer;
  readonly name: string;
  readonly nameBytes: Buffer;
  /** How many directories below the start, 1 for its own entries. */
  readonly depth: number;
  /** As `lstat` has it: symbolic links are not followed. */
  readonly stats: ImageStats;
}

export interface WalkOptions {
  /** Is told of what cannot be read, and the walk goes on without it; without it the walk throws. */
  readonly onError?: ((error: ImageError) => void) | undefined;
  /** Whether to go into a directory; default every one. */
  readonly enter?: ((directory: WalkEntry) => boolean) | undefined;
}

interface Level {
  readonly path: Buffer;
  readonly entries: Iterator<TreeEntry>;
}

/**
 * Everything below a directory, each before what is in it. A directory has one name on a sound
 * filesystem: one that is met a second time is reported as damage and not entered again, so that
 * the walk ends however the image is damaged.
 */
export async function* walk(image: OpenImage, start: InodeNumber, startPath: Buffer, options: WalkOptions): AsyncGenerator<WalkEntry, undefined> {
  const entered = new Set<number>([start]);
  const levels: Level[] = [levelOf(image, start, startPath)];
  const survived = <Result>(operation: () => Result): Result | undefined => {
    try {
      return operation();
    } catch (error) {
      if (options.onError === undefined) throw error;
      options.onError(error as ImageError);
      return undefined;
    }
  };

  for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
    const { entries, path: directoryPath } = level;
    const next = survived(() => entries.next());
    if (next === undefined || next.done === true) {
      levels.pop();
      continue;
    }
    const { name, inode } = next.value;
    const pathBytes = joinPath(directoryPath, name);
    const path = pathBytes.toString();
    const stats = survived(() => image.run('lstat', path, (tree) => tree.stats(inode)));
    if (stats === undefined) continue;

    const entry: WalkEntry = { path, pathBytes, name: name.toString(), nameBytes: name, depth: levels.length, stats };
    yield entry;
    if (!stats.isDirectory() || options.enter?.(entry) === false) continue;
    const isNew = survived(() => attempt('scandir', path, () => enterOnce(entered, inode)));
    if (isNew === true) levels.push(levelOf(image, inode, pathBytes));
  }
}

const levelOf = (image: OpenImage, inode: InodeNumber, path: Buffer): Level => ({
  path,
  entries: listDirectory(image, inode, path.toString()),
});

function enterOnce(entered: Set<number>, inode: InodeNumber): true {
  if (entered.has(inode)) throw new CorruptionError('directory block', { inode }, 'the directory has more than one name');
  entered.add(inode);
  return true;
}
