import { debugfs } from './image.js';
import type { Manifest } from './manifest.js';

/** Seconds and nanoseconds from what debugfs prints of i_ctime and i_ctime_extra: "0x5f5e1000:0000000d". */
const decodeTime = (stat: string, which: string): string | undefined => {
  const match = new RegExp(`${which}: 0x([0-9a-f]{8})(?::([0-9a-f]{8}))? --`).exec(stat);
  if (!match?.[1]) return undefined;
  const extra = parseInt(match[2] ?? '0', 16);
  const seconds = (parseInt(match[1], 16) | 0) + (extra & 3) * 2 ** 32;
  return `${seconds}.${String(extra >>> 2).padStart(9, '0')}`;
};

/** "(0-3):1000-1003, (4-7[u]):…" and "(IND):9", as runs of data in blocks. */
const dataRuns = (stat: string): [number, number][] => {
  const listing = /(?:EXTENTS|BLOCKS):\n(.*)/s.exec(stat)?.[1] ?? '';
  const runs: [number, number][] = [];
  for (const [, first, last, unwritten] of listing.matchAll(/\((\d+)(?:-(\d+))?(\[u\])?\):/g)) {
    if (unwritten !== undefined || first === undefined) continue;
    const [start, end] = [Number(first), Number(last ?? first) + 1];
    const previous = runs.at(-1);
    if (previous && previous[1] === start) previous[1] = end;
    else runs.push([start, end]);
  }
  return runs;
};

const hasInlineData = (stat: string): boolean => (Number(/Flags: (0x[0-9a-f]+)/.exec(stat)?.[1] ?? NaN) & 0x10000000) !== 0;

const seekMap = (stat: string, size: number, blockSize: number): string => {
  if (hasInlineData(stat)) return size > 0 ? `0+${size}` : '';
  return dataRuns(stat)
    .map(([start, end]): [number, number] => [start * blockSize, Math.min(end * blockSize, size)])
    .filter(([start, end]) => start < end)
    .map(([start, end]) => `${start}+${end - start}`)
    .join(',');
};

const inodeFields = (stat: string, blockSize: number, isFile: boolean): Map<string, string> => {
  const number = (pattern: RegExp): number => Number(pattern.exec(stat)?.[1] ?? NaN);
  const size = number(/Size: (\d+)/);
  // The kernel shows files in the inode as if they had sectors, so that tar does not take them for holes.
  const inlineSectors = isFile && hasInlineData(stat) ? Math.ceil(size / 512) : 0;
  const fields = new Map<string, string>([
    ['size', String(size)],
    ['blocks', String(number(/Blockcount: (\d+)/) || inlineSectors)],
    ['blksize', String(blockSize)],
    ['uid', String(number(/User: +(-?\d+)/) >>> 0)],
    ['gid', String(number(/Group: +(-?\d+)/) >>> 0)],
    ['mode', (parseInt(/Mode: +(\d+)/.exec(stat)?.[1] ?? '', 8) & 0o7777).toString(8)],
    ['nlink', String(number(/Links: (\d+)/))],
  ]);
  for (const [key, label] of [['atime', ' atime'], ['mtime', ' mtime'], ['ctime', ' ctime'], ['btime', 'crtime']] as const) {
    const time = decodeTime(stat, label);
    if (time !== undefined) fields.set(key, time);
  }
  if (isFile) fields.set('map', seekMap(stat, size, blockSize));
  return fields;
};

/**
 * What debugfs reads of the inodes that `found` names, as a manifest of those fields that debugfs
 * knows. Which inode a path has is checked by its contents: they are compared elsewhere.
 */
export async function debugfsManifest(image: string, found: Manifest): Promise<Manifest> {
  const header = await debugfs(image, ['stats -h']);
  const blockSize = Number(/Block size: +(\d+)/.exec(header)?.[1] ?? NaN);
  const inodes = [...new Set([...found.values()].map((fields) => fields.get('ino') ?? '0'))];
  const output = await debugfs(image, inodes.map((inode) => `stat <${inode}>`));
  const stats = new Map(
    output.split(/^debugfs: stat /m).map((text) => [/^<(\d+)>/.exec(text)?.[1] ?? '', text] as const),
  );
  return new Map(
    [...found].map(([path, fields]) => {
      const stat = stats.get(fields.get('ino') ?? '') ?? '';
      return [path, inodeFields(stat, blockSize, fields.get('type') === 'file')];
    }),
  );
}
