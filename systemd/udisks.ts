/**
 * Tells udisks of fuse4fs: a block of lines of ours in two files that are the administrator's. From 2.10 on, udisks takes
 * the first driver of the list that there is; before, only the type that a caller names (udisksctl mount -t fuse4fs).
 */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

const BEGIN = '# fuse4fs: these lines were made by fuse4fs install --udisks, and go with fuse4fs uninstall';
const END = '# fuse4fs: until here';

const TYPES = ['ext2', 'ext3', 'ext4'];
const DEFAULTS = 'damaged=ro,errors=remount-ro';
const ALLOWED = 'damaged,errors,discard,nodiscard';

/** Groups of one name are one group, and of two keys the later one counts: so nothing of what is there has to be touched. */
const MOUNT_OPTIONS = {
  path: '/etc/udisks2/mount_options.conf',
  lines: [
    '[defaults]',
    ...TYPES.map((type) => `${type}_drivers=fuse4fs,${type}`),
    ...[...TYPES.map((type) => `${type}:fuse4fs`), 'fuse4fs'].flatMap((driver) => [`${driver}_defaults=${DEFAULTS}`, `${driver}_allow=${ALLOWED}`]),
  ],
};

/** Which types may be asked for beside those that the kernel has; a last line * stands for the latter. */
const FILESYSTEMS = { path: '/etc/filesystems', lines: ['fuse4fs'] };
const AND_THE_KERNELS = '*';

/** @returns what was changed, beneath the root */
export function tellUdisks(root: string): readonly string[] {
  change(join(root, MOUNT_OPTIONS.path), (text) => `${text}${text === '' || text.endsWith('\n') ? '' : '\n'}${block(MOUNT_OPTIONS.lines)}`);
  // Before what is there, of which the last line may mean more than itself.
  change(join(root, FILESYSTEMS.path), (text) => (text === '' ? block([...FILESYSTEMS.lines, AND_THE_KERNELS]) : `${block(FILESYSTEMS.lines)}${text}`));
  return [MOUNT_OPTIONS.path, FILESYSTEMS.path];
}

export function forgetUdisks(root: string): void {
  for (const { path } of [MOUNT_OPTIONS, FILESYSTEMS]) if (existsSync(join(root, path))) change(join(root, path), (text) => text);
}

const block = (lines: readonly string[]): string => [BEGIN, ...lines, END, ''].join('\n');

/** `edit` gets the text without our block. What is empty then is removed. */
function change(path: string, edit: (text: string) => string): void {
  const before = existsSync(path) ? readFileSync(path, 'utf8') : '';
  const after = edit(withoutBlock(before));
  if (after === before) return;
  if (after === '') return rmSync(path);
  mkdirSync(dirname(path), { recursive: true });
  const prepared = `${path}.fuse4fs-new`;
  writeFileSync(prepared, after, { mode: existsSync(path) ? statSync(path).mode & 0o777 : 0o644 });
  renameSync(prepared, path);
}

function withoutBlock(text: string): string {
  const lines = text.split('\n');
  const [begin, end] = [lines.indexOf(BEGIN), lines.indexOf(END)];
  if (begin < 0 || end < begin) return text;
  return withoutBlock([...lines.slice(0, begin), ...lines.slice(end + 1)].join('\n'));
}
