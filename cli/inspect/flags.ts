import { InodeFlags } from '../../server/ext4/layout/inode.js';

/** i_flags by name, in lower case; bits without one in hexadecimal. */
export function flagNames(flags: number): string[] {
  const names: string[] = [];
  let rest = flags;
  for (const [name, bit] of Object.entries(InodeFlags)) {
    if ((flags & bit) === 0) continue;
    names.push(name.toLowerCase());
    rest &= ~bit;
  }
  if (rest !== 0) names.push(`0x${(rest >>> 0).toString(16)}`);
  return names;
}
