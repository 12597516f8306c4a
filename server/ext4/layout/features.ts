/**
 * Feature bits of the superblock and what this program can do with them
 * (Documentation/filesystems/ext4/super.rst: s_feature_compat, s_feature_incompat, s_feature_ro_compat).
 */
export const Compat = {
  DIR_PREALLOC: 0x1,
  HAS_JOURNAL: 0x4,
  EXT_ATTR: 0x8,
  RESIZE_INODE: 0x10,
  DIR_INDEX: 0x20,
  SPARSE_SUPER2: 0x200,
  FAST_COMMIT: 0x400,
  STABLE_INODES: 0x800,
  ORPHAN_FILE: 0x1000,
} as const;

export const Incompat = {
  COMPRESSION: 0x1,
  FILETYPE: 0x2,
  RECOVER: 0x4,
  JOURNAL_DEV: 0x8,
  META_BG: 0x10,
  EXTENTS: 0x40,
  '64BIT': 0x80,
  MMP: 0x100,
  FLEX_BG: 0x200,
  EA_INODE: 0x400,
  DIRDATA: 0x1000,
  CSUM_SEED: 0x2000,
  LARGEDIR: 0x4000,
  INLINE_DATA: 0x8000,
  ENCRYPT: 0x10000,
  CASEFOLD: 0x20000,
} as const;

export const RoCompat = {
  SPARSE_SUPER: 0x1,
  LARGE_FILE: 0x2,
  BTREE_DIR: 0x4,
  HUGE_FILE: 0x8,
  GDT_CSUM: 0x10,
  DIR_NLINK: 0x20,
  EXTRA_ISIZE: 0x40,
  QUOTA: 0x100,
  BIGALLOC: 0x200,
  METADATA_CSUM: 0x400,
  READONLY: 0x1000,
  PROJECT: 0x2000,
  SHARED_BLOCKS: 0x4000,
  VERITY: 0x8000,
  ORPHAN_PRESENT: 0x10000,
} as const;

const everyBit = (bits: Readonly<Record<string, number>>): number =>
  Object.values(bits).reduce((all, bit) => all | bit, 0);

/** Without these understood nothing of the filesystem can be read. */
const READABLE_INCOMPAT = everyBit(Incompat) & ~(Incompat.COMPRESSION | Incompat.JOURNAL_DEV | Incompat.DIRDATA);

/** An unknown one of these only forbids writing. */
const WRITABLE_RO_COMPAT = everyBit(RoCompat) & ~(RoCompat.BTREE_DIR | RoCompat.READONLY | RoCompat.SHARED_BLOCKS);

const names = (value: number, known: Readonly<Record<string, number>>): string[] => {
  const found: string[] = [];
  for (let bit = 0; bit < 32; bit++) {
    const mask = (1 << bit) >>> 0;
    if ((value & mask) === 0) continue;
    const name = Object.entries(known).find(([, candidate]) => candidate === mask)?.[0];
    found.push(name === undefined ? `0x${mask.toString(16)}` : name.toLowerCase());
  }
  return found;
};

/** Three feature words and the questions that the rest of the program asks of them. */
export class Features {
  readonly compat: number;
  readonly incompat: number;
  readonly roCompat: number;

  constructor(compat: number, incompat: number, roCompat: number) {
    this.compat = compat;
    this.incompat = incompat;
    this.roCompat = roCompat;
  }

  hasCompat(name: keyof typeof Compat): boolean {
    return (this.compat & Compat[name]) !== 0;
  }

  hasIncompat(name: keyof typeof Incompat): boolean {
    return (this.incompat & Incompat[name]) !== 0;
  }

  hasRoCompat(name: keyof typeof RoCompat): boolean {
    return (this.roCompat & RoCompat[name]) !== 0;
  }

  /** Incompatible features that make the filesystem unreadable here, by name. */
  get unreadable(): string[] {
    return names(this.incompat & ~READABLE_INCOMPAT, Incompat);
  }

  /** Features that allow reading only, by name. */
  get unwritable(): string[] {
    return names(this.roCompat & ~WRITABLE_RO_COMPAT, RoCompat);
  }

  /** Every feature by the name it has in mke2fs.conf's language, roughly; for people. */
  get all(): string[] {
    return [
      ...names(this.compat, Compat),
      ...names(this.incompat, Incompat),
      ...names(this.roCompat, RoCompat),
    ];
  }
}
