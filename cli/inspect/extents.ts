import { ImageError, type FileExtent, type ImageFilesystem } from '../../library/index.js';
import type { Look } from './look.js';

/** As `filefrag -v`: in blocks, with FIEMAP's flags. */
export const extents: Look = (filesystem, path) => ({
  async *text () {
    await mustKeepData(filesystem, path);
    let count = 0;
    let previous: FileExtent | undefined;
    for await (const extent of filesystem.extents(path)) {
      const unit = extent.flags.includes('not_aligned') ? 1 : filesystem.superblock.blockSize;
      if (count === 0) yield `${unit === 1 ? 'in bytes' : `in blocks of ${unit} bytes`}\n${HEADER}\n`;
      yield `${line(count++, extent, expectedStart(previous, extent), unit)}\n`;
      previous = extent;
    }
    yield `${count} extent${count === 1 ? '' : 's'}\n`;
  },
  json: async () => {
    await mustKeepData(filesystem, path);
    const found: FileExtent[] = [];
    for await (const extent of filesystem.extents(path)) found.push(extent);
    return { path, blockSize: filesystem.superblock.blockSize, extents: found };
  },
});

async function mustKeepData(filesystem: ImageFilesystem, path: string): Promise<void> {
  const stats = await filesystem.lstat(path);
  if (!stats.isFile() && !stats.isDirectory() && !stats.isSymbolicLink()) throw new ImageError(95, 'fiemap', path);
}

/** Where the extent would begin if the file were in one piece, its holes left out or kept; undefined where it does. */
function expectedStart(previous: FileExtent | undefined, { logical, physical }: FileExtent): number | undefined {
  if (previous === undefined || physical === previous.physical + previous.length) return undefined;
  const expected = previous.physical + (logical - previous.logical);
  return expected === physical ? undefined : expected;
}

const HEADER = ' ext:       logical_offset:          physical_offset:   length:    expected: flags:';

/** @param unit bytes in what is counted */
function line(index: number, { logical, physical, length, flags }: FileExtent, expected: number | undefined, unit: number): string {
  const count = Math.ceil(length / unit);
  const right = (value: number | string, width: number): string => String(value).padStart(width);
  const range = (start: number, width: number): string => `${right(start / unit, width)}..${right(start / unit + count - 1, width)}:`;
  const where = expected === undefined ? '' : expected / unit;
  return `${right(index, 4)}: ${range(logical, 9)} ${range(physical, 11)} ${right(count, 8)}: ${right(where, 11)}: ${flags.join(',')}`.trimEnd();
}
