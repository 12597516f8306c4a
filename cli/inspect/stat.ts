import type { ImageFilesystem } from '../../library/index.js';
import { deviceNumbers, isDeviceNode, jsonEntry, readEntry, type Entry } from './entry.js';
import { flagNames } from './flags.js';
import type { Look } from './look.js';
import { modeLetters, permissionDigits, typeWords } from './mode.js';
import { decode, printable } from './printable.js';
import { fullTime } from './time.js';

/** As stat(1), with what only ext4 knows: flags, generation, project and extended attributes. */
export const stat: Look = (filesystem, path) => ({
  async *text () {
    const { entry, attributes } = await read(filesystem, path);
    yield `${describe(entry).join('\n')}\n`;
    for (const [name, value] of attributes) yield `  Attr: ${printable(name)} = ${attributeText(value)}\n`;
  },
  json: async () => {
    const { entry, attributes } = await read(filesystem, path);
    const { flags, generation, projectId } = entry.stats;
    const xattrs = Object.fromEntries(Array.from(attributes, ([name, value]) => [name, value.toString('base64')]));
    return { ...jsonEntry(entry), flags: flagNames(flags), generation, projectId, xattrsBase64: xattrs };
  },
});

async function read(filesystem: ImageFilesystem, path: string): Promise<{ entry: Entry; attributes: Map<string, Buffer> }> {
  return { entry: await readEntry(filesystem, path, Buffer.from(path)), attributes: await filesystem.lxattrs(path) };
}

function describe({ name, stats, target }: Entry): string[] {
  const { times } = stats;
  const device = isDeviceNode(stats) ? `  Device type: ${deviceNumbers(stats).join(',')}` : '';
  return [
    `  File: ${printable(name)}${target === undefined ? '' : ` -> ${printable(target)}`}`,
    `  Size: ${stats.size}  Blocks: ${stats.blocks}  IO Block: ${stats.blksize}  ${typeWords(stats.mode)}`,
    ` Inode: ${stats.ino}  Links: ${stats.nlink}  Generation: ${stats.generation}  Project: ${stats.projectId}${device}`,
    `Access: (${permissionDigits(stats.mode)}/${modeLetters(stats.mode)})  Uid: ${stats.uid}  Gid: ${stats.gid}`,
    `Access: ${fullTime(times.access)}`,
    `Modify: ${fullTime(times.modification)}`,
    `Change: ${fullTime(times.change)}`,
    ` Birth: ${fullTime(times.birth)}`,
    ` Flags: ${flagNames(stats.flags).join(' ') || '-'}`,
  ];
}

const LONGEST_SHOWN = 256;

/** As getfattr(1) shows a value: text in quotes, anything else in hexadecimal. */
function attributeText(value: Buffer): string {
  const shown = value.subarray(0, LONGEST_SHOWN);
  const rest = value.length > shown.length ? ` … (${value.length} bytes)` : '';
  const text = decode(shown);
  return text !== undefined && printable(text) === text ? `"${text}"${rest}` : `0x${shown.toString('hex')}${rest}`;
}
