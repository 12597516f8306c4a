import { readFileSync, writeFileSync } from 'node:fs';

/** Largest FUSE request in pages, 0 where the kernel has no such setting (before 6.13; then it is 256). */
export function maxPagesLimit(): number {
  try {
    const limit = Number(readFileSync('/proc/sys/fs/fuse/max_pages_limit', 'latin1'));
    return Number.isSafeInteger(limit) && limit > 0 && limit <= 65535 ? limit : 0;
  } catch {
    return 0;
  }
}

const READ_AHEAD_KIB = 1024;

/**
 * The kernel reads 128 KiB ahead by default, which would keep requests far below the 1 MiB that they
 * may have. Best effort: /sys may be read-only or belong to someone else.
 */
export function raiseReadAhead(device: string): void {
  for (const name of [device, `${device}-fuseblk`]) {
    const path = `/sys/class/bdi/${name}/read_ahead_kb`;
    try {
      if (Number(readFileSync(path, 'latin1')) < READ_AHEAD_KIB) writeFileSync(path, String(READ_AHEAD_KIB));
    } catch {
      continue;
    }
  }
}
