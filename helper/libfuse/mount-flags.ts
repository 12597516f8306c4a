import type { MountFlags } from '../mount/option-table.js';

/** MS_* of mount(2) that say how something is mounted. */
const MS = {
  readOnly: 0x1,
  noSuid: 0x2,
  noDev: 0x4,
  noExec: 0x8,
  synchronous: 0x10,
  dirSync: 0x80,
  noSymFollow: 0x100,
  noAtime: 0x400,
  noDirAtime: 0x800,
  silent: 0x8000,
  relAtime: 0x200000,
  strictAtime: 0x1000000,
  lazyTime: 0x2000000,
} as const;

const HARMLESS = Object.values(MS).reduce<number>((all, bit) => all | bit, 0);

/** Undefined where a bit would make it another operation than a mount: bind, move, remount, propagation. */
export function readMountFlags(flags: number): MountFlags | undefined {
  if ((flags & ~HARMLESS) !== 0) return undefined;
  const has = (name: keyof typeof MS): boolean => (flags & MS[name]) !== 0;
  return {
    readOnly: has('readOnly'),
    noSuid: has('noSuid'),
    noDev: has('noDev'),
    noExec: has('noExec'),
    noSymFollow: has('noSymFollow'),
    accessTime: has('noAtime') ? 'noatime' : has('strictAtime') ? 'strictatime' : 'relatime',
    noDirAtime: has('noDirAtime'),
    synchronous: has('synchronous'),
    dirSync: has('dirSync'),
    lazyTime: has('lazyTime'),
  };
}

/**
 * What the caller did not permit, a service cannot take: set-user-ID bits and devices unless the caller
 * said suid and dev, and nothing that the caller ruled out.
 */
export function restrictFlags(flags: MountFlags, words: readonly string[]): MountFlags {
  const last = (...names: readonly string[]): string | undefined => words.findLast((word) => names.includes(word));
  return {
    ...flags,
    readOnly: flags.readOnly || last('ro', 'rw') === 'ro',
    noSuid: flags.noSuid || last('suid', 'nosuid') !== 'suid',
    noDev: flags.noDev || last('dev', 'nodev') !== 'dev',
    noExec: flags.noExec || last('exec', 'noexec') === 'noexec',
    noSymFollow: flags.noSymFollow || last('symfollow', 'nosymfollow') === 'nosymfollow',
  };
}
