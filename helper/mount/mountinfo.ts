import { readFileSync } from 'node:fs';

/** One line of /proc/self/mountinfo, see proc_pid_mountinfo(5). */
export interface MountEntry {
  readonly id: number;
  /** The mount that it is mounted on. */
  readonly parent: number;
  readonly device: string;
  readonly target: string;
  readonly type: string;
  readonly source: string;
  readonly options: readonly string[];
}

/** All mounts that this process sees, in the order in which the kernel lists them: what is on top comes later. */
export const readMounts = (): MountEntry[] => parseMounts(readFileSync('/proc/self/mountinfo', 'utf8'));

/** Lines that cannot be understood are left out. */
export function parseMounts(table: string): MountEntry[] {
  return table.split('\n').flatMap((line) => parseLine(line) ?? []);
}

function parseLine(line: string): MountEntry | undefined {
  const [mount, filesystem] = line.split(' - ', 2);
  const [id, parent, device, , target, perMount] = mount?.split(' ') ?? [];
  const [type, source, perSuperblock] = filesystem?.split(' ') ?? [];
  if (!id || !device || !target || !type || source === undefined) return undefined;
  const options = [...new Set([...(perMount?.split(',') ?? []), ...(perSuperblock?.split(',') ?? [])])];
  return { id: Number(id), parent: Number(parent), device, target: unescaped(target), type: unescaped(type), source: unescaped(source), options };
}

/** The kernel, and fstab, write space, tab, newline, backslash and # as three octal digits, byte by byte. */
export function unescaped(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)));
}

/** Ours are of type fuse.fuse4fs or fuseblk.fuse4fs, unless -o subtype= said otherwise. */
export const isOurs = ({ type }: MountEntry): boolean => type === 'fuse.fuse4fs' || type === 'fuseblk.fuse4fs';

/** The topmost mount on a path, that is, the one that a look at the path shows. */
export function mountOn(target: string, mounts: readonly MountEntry[] = readMounts()): MountEntry | undefined {
  return mounts.findLast((entry) => entry.target === target);
}

export function numberOf({ device }: MountEntry): { readonly major: number; readonly minor: number } {
  const [major = 0, minor = 0] = device.split(':').map(Number);
  return { major, minor };
}
