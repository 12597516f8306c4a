import type { RefusalCode } from '../../protocol/service/messages.js';

/** Why there will be no mount, in the words of service.proto. */
export interface MountRefusal {
  readonly code: RefusalCode;
  readonly message: string;
  readonly hint: string;
}

/** What the user can do, by the code of the error. */
const HINTS: Partial<Record<RefusalCode, string>> = {
  NOT_EXT4: 'Check the device and the offset; if the primary superblock is damaged, name a backup with -o sb=N.',
  UNSUPPORTED_FEATURE: 'A newer version of fuse4fs, or the kernel\'s own ext4, may know it.',
  CORRUPT: 'Run e2fsck on it.',
  NEEDS_RECOVERY: 'Run e2fsck on it, or mount read-only with -o noload to see it as it is.',
  IN_USE: 'Unmount it where it is mounted, or mount it read-only here.',
  BAD_OPTION: '',
  FEATURE: 'A newer kernel may have it; confinement=best-effort mounts without.',
  IO: 'The kernel\'s log may say more about the device.',
};

const CODES: readonly string[] = Object.keys(HINTS);

/** @param name of the source, as the user wrote it */
export function toRefusal(error: unknown, name: string): MountRefusal {
  const { code, message } = error as { readonly code?: unknown; readonly message?: unknown };
  if (error instanceof Error && typeof code === 'string' && CODES.includes(code)) {
    const known = code as RefusalCode;
    return { code: known, message: `${name}: ${error.message}`, hint: HINTS[known] ?? '' };
  }
  const what = typeof message === 'string' ? message : String(error);
  return { code: 'INTERNAL', message: `${name}: ${what}`, hint: 'This is a defect of fuse4fs.' };
}
