import type { ImageFilesystem } from '../../library/index.js';
import { deviceNumbers, isDeviceNode, jsonEntry, readEntry, tolerant, type Complain, type Entry } from './entry.js';
import type { Look } from './look.js';
import { modeLetters } from './mode.js';
import { printable } from './printable.js';
import { shortTime } from './time.js';

/** As `ls -lA`, with numeric owners, since the image's users are not this machine's, and times in UTC. */
export const ls: Look = (filesystem, path, complain) => ({
  async *text () {
    const entries = await list(filesystem, path, complain);
    const cells = entries.map(columns);
    const widths = [0, 1, 2, 3, 4].map((column) => cells.reduce((widest, row) => Math.max(widest, row[column]?.length ?? 0), 0));
    for (const row of cells) {
      const aligned = row.map((cell, column) => (column >= 1 && column <= 4 ? cell.padStart(widths[column] ?? 0) : cell));
      yield `${aligned.join(' ')}\n`;
    }
  },
  json: async () => (await list(filesystem, path, complain)).map(jsonEntry),
});

async function list(filesystem: ImageFilesystem, path: string, complain: Complain): Promise<Entry[]> {
  const stats = await filesystem.lstat(path);
  const isDirectory = stats.isDirectory() || (path.endsWith('/') && (await filesystem.stat(path)).isDirectory());
  if (!isDirectory) return [await readEntry(filesystem, path, Buffer.from(path))];
  const names = await filesystem.readdir(path, 'buffer');
  names.sort(Buffer.compare);
  const entries: Entry[] = [];
  for (const name of names) {
    const entry = await tolerant(() => readEntry(filesystem, Buffer.concat([Buffer.from(`${path}/`), name]), name), complain);
    if (entry !== undefined) entries.push(entry);
  }
  return entries;
}

function columns({ name, stats, target }: Entry): string[] {
  const size = isDeviceNode(stats) ? deviceNumbers(stats).join(', ') : String(stats.size);
  const shown = target === undefined ? printable(name) : `${printable(name)} -> ${printable(target)}`;
  return [modeLetters(stats.mode), String(stats.nlink), String(stats.uid), String(stats.gid), size, shortTime(stats.times.modification), shown];
}
