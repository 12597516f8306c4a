/**
 * Numbers that are easily mixed up, told apart by the compiler. At run time they are plain numbers
 * below 2^53; a value read from disk becomes one of these only after its range was checked.
 */
declare const unit: unique symbol;
type Branded<Name extends string> = number & { readonly [unit]: Name };

/** Filesystem block on the device, counted from the start of the filesystem. */
export type PhysicalBlock = Branded<'PhysicalBlock'>;
/** Block within a file or directory, 0..2^32-1. */
export type LogicalBlock = Branded<'LogicalBlock'>;
/** Inode number as on disk, 1..s_inodes_count. */
export type InodeNumber = Branded<'InodeNumber'>;
/** Block group, 0..groupCount-1. */
export type GroupNumber = Branded<'GroupNumber'>;
/** Block within the journal, counted from the journal's own superblock. */
export type JournalBlock = Branded<'JournalBlock'>;

export const physicalBlock = (value: number): PhysicalBlock => value as PhysicalBlock;
export const logicalBlock = (value: number): LogicalBlock => value as LogicalBlock;
export const inodeNumber = (value: number): InodeNumber => value as InodeNumber;
export const groupNumber = (value: number): GroupNumber => value as GroupNumber;
export const journalBlock = (value: number): JournalBlock => value as JournalBlock;

/** s_reserved inodes that have a meaning here (Documentation/filesystems/ext4/special_inodes.rst). */
export const ROOT_INODE = inodeNumber(2);
export const JOURNAL_INODE = inodeNumber(8);
