import type { ImageFilesystem, WalkEntry } from '../../library/index.js';
import { jsonEntry, tolerant, type Complain } from './entry.js';
import type { Look } from './look.js';
import { printable } from './printable.js';

/** Everything below a directory, indented. */
export const tree: Look = (filesystem, path, complain) => ({
  async *text() {
    let directories = 0;
    let others = 0;
    yield `${printable(path)}\n`;
    for await (const entry of filesystem.walk(path, { onError: complain })) {
      if (entry.stats.isDirectory()) directories++;
      else others++;
      yield `${'    '.repeat(entry.depth - 1)}${await describe(filesystem, entry, complain)}\n`;
    }
    yield `\n${directories} directories, ${others} files\n`;
  },
  async json() {
    const entries: Record<string, unknown>[] = [];
    for await (const entry of filesystem.walk(path, { onError: complain })) {
      const target = await targetOf(filesystem, entry, complain);
      entries.push({ path: entry.path, ...jsonEntry({ name: entry.nameBytes, stats: entry.stats, ...(target && { target }) }) });
    }
    return entries;
  },
});

async function describe(filesystem: ImageFilesystem, entry: WalkEntry, complain: Complain): Promise<string> {
  const shown = printable(entry.nameBytes);
  if (entry.stats.isDirectory()) return `${shown}/`;
  const target = await targetOf(filesystem, entry, complain);
  return target === undefined ? shown : `${shown} -> ${printable(target)}`;
}

const targetOf = async (filesystem: ImageFilesystem, { stats, pathBytes }: WalkEntry, complain: Complain): Promise<Buffer | undefined> =>
  stats.isSymbolicLink() ? tolerant(() => filesystem.readlink(pathBytes, 'buffer'), complain) : undefined;
