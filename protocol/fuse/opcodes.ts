/** What the kernel asks for (fuse_opcode). 7 and 19 were never assigned. */
export const Opcode = {
  LOOKUP: 1,
  FORGET: 2,
  GETATTR: 3,
  SETATTR: 4,
  READLINK: 5,
  SYMLINK: 6,
  MKNOD: 8,
  MKDIR: 9,
  UNLINK: 10,
  RMDIR: 11,
  RENAME: 12,
  LINK: 13,
  OPEN: 14,
  READ: 15,
  WRITE: 16,
  STATFS: 17,
  RELEASE: 18,
  FSYNC: 20,
  SETXATTR: 21,
  GETXATTR: 22,
  LISTXATTR: 23,
  REMOVEXATTR: 24,
  FLUSH: 25,
  INIT: 26,
  OPENDIR: 27,
  READDIR: 28,
  RELEASEDIR: 29,
  FSYNCDIR: 30,
  GETLK: 31,
  SETLK: 32,
  SETLKW: 33,
  ACCESS: 34,
  CREATE: 35,
  INTERRUPT: 36,
  BMAP: 37,
  DESTROY: 38,
  IOCTL: 39,
  POLL: 40,
  NOTIFY_REPLY: 41,
  BATCH_FORGET: 42,
  FALLOCATE: 43,
  READDIRPLUS: 44,
  RENAME2: 45,
  LSEEK: 46,
  COPY_FILE_RANGE: 47,
  SETUPMAPPING: 48,
  REMOVEMAPPING: 49,
  SYNCFS: 50,
  TMPFILE: 51,
  STATX: 52,
  COPY_FILE_RANGE_64: 53,
  FREEZE_FS: 4089,
  UNFREEZE_FS: 4090,
  SHUTDOWN_FS: 4091,
  IOMAP_CONFIG: 4092,
  IOMAP_IOEND: 4093,
  IOMAP_BEGIN: 4094,
  IOMAP_END: 4095,
} as const;

export type OpcodeName = keyof typeof Opcode;
export type Opcode = (typeof Opcode)[OpcodeName];

/** Opcodes of the iomap extension begin here; they end at 4095. */
const FIRST_EXTENDED = 4088;
const EXTENDED_SLOTS = 56;

/** The length of a table with a slot for each opcode. */
export const OPCODE_TABLE_LENGTH = 64;

/** Where an opcode is in such a table; OPCODE_TABLE_LENGTH for numbers that have no place. */
export function opcodeSlot(opcode: number): number {
  if (opcode < EXTENDED_SLOTS) return opcode;
  return opcode >= FIRST_EXTENDED && opcode < 4096 ? opcode - FIRST_EXTENDED + EXTENDED_SLOTS : OPCODE_TABLE_LENGTH;
}

/** What every request of an opcode must contain before anything in it is looked at. */
export interface RequestShape {
  readonly opcode: Opcode;
  readonly name: OpcodeName;
  /** Bytes of the fixed part of the body. */
  readonly fixedSize: number;
  /** NUL-terminated, non-empty strings that follow the fixed part. */
  readonly names: 0 | 1 | 2;
}

const sized: Partial<Record<OpcodeName, number>> = {
  FORGET: 8,
  GETATTR: 16,
  SETATTR: 88,
  MKNOD: 16,
  MKDIR: 8,
  RENAME: 8,
  LINK: 8,
  OPEN: 8,
  READ: 40,
  WRITE: 40,
  RELEASE: 24,
  FSYNC: 16,
  // 16 with FUSE_SETXATTR_EXT, which this program always negotiates where it accepts SETXATTR.
  SETXATTR: 16,
  GETXATTR: 8,
  LISTXATTR: 8,
  FLUSH: 24,
  // Kernels before 5.17 send no more than this; the rest is read only if it is there.
  INIT: 16,
  OPENDIR: 8,
  READDIR: 40,
  RELEASEDIR: 24,
  FSYNCDIR: 16,
  GETLK: 48,
  SETLK: 48,
  SETLKW: 48,
  ACCESS: 8,
  CREATE: 16,
  INTERRUPT: 8,
  BMAP: 16,
  IOCTL: 32,
  POLL: 24,
  NOTIFY_REPLY: 40,
  BATCH_FORGET: 8,
  FALLOCATE: 32,
  READDIRPLUS: 40,
  RENAME2: 16,
  LSEEK: 24,
  COPY_FILE_RANGE: 56,
  SETUPMAPPING: 40,
  REMOVEMAPPING: 4,
  SYNCFS: 8,
  TMPFILE: 16,
  STATX: 24,
  COPY_FILE_RANGE_64: 56,
  FREEZE_FS: 8,
  SHUTDOWN_FS: 8,
  IOMAP_CONFIG: 64,
  IOMAP_IOEND: 48,
  IOMAP_BEGIN: 32,
  IOMAP_END: 72,
};

const named: Partial<Record<OpcodeName, 1 | 2>> = {
  LOOKUP: 1,
  SYMLINK: 2,
  MKNOD: 1,
  MKDIR: 1,
  UNLINK: 1,
  RMDIR: 1,
  RENAME: 2,
  LINK: 1,
  SETXATTR: 1,
  GETXATTR: 1,
  REMOVEXATTR: 1,
  CREATE: 1,
  RENAME2: 2,
  TMPFILE: 1,
};

const shapes: (RequestShape | undefined)[] = new Array<RequestShape | undefined>(OPCODE_TABLE_LENGTH).fill(undefined);
for (const [name, opcode] of Object.entries(Opcode) as [OpcodeName, Opcode][]) {
  shapes[opcodeSlot(opcode)] = { opcode, name, fixedSize: sized[name] ?? 0, names: named[name] ?? 0 };
}

/** Indexed by opcodeSlot(); undefined for numbers that have no meaning. */
export const requestShapes: readonly (RequestShape | undefined)[] = shapes;
