/** Whether a filesystem needs more than its journal to be consistent again: `damaged=ro` keeps it from being written. */
import type { BlockDevice } from '../device/block-device.js';
import { FilesystemError } from '../ext4/errors.js';
import { Filesystem, type OpenOptions } from '../ext4/filesystem.js';
import { State, type Superblock } from '../ext4/layout/superblock.js';
import { needsRecovery } from '../ext4/recovery/recovered-filesystem.js';

export interface Damage {
  /** In words that go on after "mounted read-only, because". */
  readonly because: string;
  /** The journal is of no use: what lies on the device is all there is. */
  readonly withoutJournal: boolean;
}

/** Looks, and changes nothing. Undefined where e2fsck would have nothing to do but to replay the journal. */
export function damageOf(device: BlockDevice, stored: Superblock, options: OpenOptions): Damage | undefined {
  if (!needsRecovery(stored)) return marked(stored);
  try {
    // Not closed: that would close the device. The journal may bring a superblock that says more.
    return marked(Filesystem.open(device, options).superblock) ?? marked(stored);
  } catch (error) {
    if (!(error instanceof FilesystemError)) throw error;
    return { because: `its journal cannot be recovered (${error.message})`, withoutJournal: true };
  }
}

function marked({ state, features }: Superblock): Damage | undefined {
  if ((state & State.ERRORS) !== 0) return { because: 'it is marked as damaged', withoutJournal: false };
  if ((state & State.VALID) !== 0) return undefined;
  const because = features.hasCompat('HAS_JOURNAL') ? 'it is not marked as clean' : 'it was not unmounted and has no journal';
  return { because, withoutJournal: false };
}
