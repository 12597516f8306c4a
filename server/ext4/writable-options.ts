import type { JobRunner } from '../device/device-job.js';
import type { TimeSource } from './clock.js';
import type { OpenOptions } from './filesystem.js';
import type { DataMode } from './journalled-data.js';
import { SUPERBLOCK_OFFSET, type Superblock } from './layout/superblock.js';
import type { MultiMountProtection } from './multi-mount-protection.js';
import type { EnforcedQuotas } from './quota/quotas.js';

export interface WritableOptions extends OpenOptions {
  /** Flush the device around commits. Without, a power cut may cost the filesystem. */
  readonly barriers: boolean;
  /** Where it is mounted, for s_last_mounted. */
  readonly mountPoint: string;
  /** Tell the device what was freed, after it was committed. */
  readonly discard: boolean;
  /** How file data relates to the journal; as the superblock says unless given. */
  readonly data?: DataMode;
  /** Whether new inodes inherit access control lists; default true. */
  readonly acl?: boolean;
  /** Acquired before; by default that is done on opening a filesystem with the feature mmp. */
  readonly protection?: MultiMountProtection;
  /** Who writes what is committed; by default whoever asks for it. Not closed here. */
  readonly jobs?: JobRunner;
  /** What the inodes' times are taken from. */
  readonly time?: TimeSource;
  /** Whose quota limits are enforced; usage is accounted in any case. Default none. */
  readonly enforcedQuotas?: EnforcedQuotas;
}

/** Of s_default_mount_opts, which `tune2fs -o` sets. */
const DATA_MODE = 0x60;
const DATA_MODES: Readonly<Partial<Record<number, DataMode>>> = { 0x20: 'journal', 0x40: 'ordered', 0x60: 'writeback' };
export const defaultDataMode = ({ defaultMountOptions }: Superblock): DataMode => DATA_MODES[defaultMountOptions & DATA_MODE] ?? 'ordered';

/** In bytes. */
export const superblockLocation = ({ superblockLocation: unit = 1 }: OpenOptions): number => unit * SUPERBLOCK_OFFSET;

