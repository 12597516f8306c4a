import { randomInt } from 'node:crypto';
import type { BlockDevice } from '../device/block-device.js';
import { CorruptionError, InUseError } from './errors.js';
import * as layout from './layout/mmp.js';
import { Sequence } from './layout/mmp.js';
import type { Superblock } from './layout/superblock.js';

/** Seconds. Whoever looks waits for longer than two updates can take. */
const SHORTEST_INTERVAL = 5;
const LONGEST_INTERVAL = 300;
const MOST_BEYOND_INTERVAL = 60;
const MOST_PATIENCE = 2 * (LONGEST_INTERVAL + MOST_BEYOND_INTERVAL);

/** What the block says about whoever holds the filesystem, for the people who look for him. */
export interface Holder {
  readonly nodeName: string;
  readonly deviceName: string;
}

export interface AcquireOptions {
  readonly holder: Holder;
  /** Seconds since 1970. */
  readonly now?: () => number;
  /** Returns after so many milliseconds. */
  readonly sleep?: (milliseconds: number) => void;
  /** A longer wait is refused rather than made, in seconds. */
  readonly mostPatience?: number;
}

/**
 * Multi-mount protection (feature mmp): on a device that several machines can reach, a block whose
 * sequence number changes all the time while the filesystem is mounted. It is read and written past
 * cache and journal.
 */
export class MultiMountProtection {
  /** How often `beat` is to be called. */
  readonly updateMilliseconds: number;
  readonly #device: BlockDevice;
  readonly #superblock: Superblock;
  readonly #position: number;
  readonly #bytes = new Uint8Array(layout.MMP_SIZE);
  readonly #view = new DataView(this.#bytes.buffer);
  readonly #holder: Holder;
  readonly #now: () => number;
  #sequence = 0;
  #isHeld = false;

  /**
   * Makes sure that nobody has the filesystem mounted, and says that it is now. After a clean unmount
   * that is done at once; else it takes time to see whether anyone is still there.
   * @throws InUseError where someone is, or e2fsck is at work; CorruptionError, DeviceError
   */
  static acquire(device: BlockDevice, superblock: Superblock, options: AcquireOptions): MultiMountProtection {
    const protection = new MultiMountProtection(device, superblock, options);
    protection.#acquire(options.sleep ?? sleep, options.mostPatience ?? MOST_PATIENCE);
    return protection;
  }

  private constructor(device: BlockDevice, superblock: Superblock, { holder, now = () => Math.floor(Date.now() / 1000) }: AcquireOptions) {
    const { mmpBlock, mmpInterval, blockSize, blocksCount, firstDataBlock } = superblock;
    if (mmpBlock <= firstDataBlock || mmpBlock >= blocksCount) throw new CorruptionError('superblock', {}, `s_mmp_block ${mmpBlock} is outside the filesystem`);
    this.#device = device;
    this.#superblock = superblock;
    this.#position = mmpBlock * blockSize;
    this.#holder = holder;
    this.#now = now;
    this.updateMilliseconds = this.#updateInterval(mmpInterval) * 1000;
  }

  /**
   * Shows that the filesystem is still in use.
   * @throws InUseError where another has written the block meanwhile: then nothing may be written any more
   */
  beat(): void {
    if (!this.#isHeld) return;
    this.#read();
    if (layout.sequence(this.#view) !== this.#sequence || layout.nodeName(this.#bytes) !== shortened(this.#holder.nodeName)) {
      this.#isHeld = false;
      throw this.#inUse('someone else has mounted the filesystem meanwhile');
    }
    this.#write(this.#sequence >= Sequence.Largest ? 1 : this.#sequence + 1);
  }

  /** The filesystem is unmounted. */
  release(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    this.#write(Sequence.Clean);
  }

  #acquire(wait: (milliseconds: number) => void, mostPatience: number): void {
    this.#read();
    const found = layout.sequence(this.#view);
    if (found === Sequence.Checking) throw this.#inUse('e2fsck is at work on the filesystem, or was interrupted (tune2fs -f -E clear_mmp)');
    let seconds = 0;
    if (found !== Sequence.Clean) {
      const interval = Math.max(SHORTEST_INTERVAL, this.#superblock.mmpInterval, layout.checkInterval(this.#view));
      seconds = Math.min(2 * interval + 1, interval + MOST_BEYOND_INTERVAL);
      if (2 * seconds > mostPatience) throw this.#inUse(`the filesystem was not unmounted, and it would take ${2 * seconds} s to see whether it still is in use (tune2fs -f -E clear_mmp, if it is not)`);
      this.#waitForChange(wait, seconds, found);
    }
    this.#write(randomInt(1, Sequence.Largest + 1));
    this.#isHeld = true;
    try {
      this.#waitForChange(wait, seconds, this.#sequence);
    } catch (error) {
      this.#isHeld = false;
      throw error;
    }
  }

  #waitForChange(wait: (milliseconds: number) => void, seconds: number, expected: number): void {
    if (seconds > 0) wait(seconds * 1000);
    this.#read();
    if (layout.sequence(this.#view) !== expected) throw this.#inUse('the filesystem is mounted already');
  }

  #read(): void {
    this.#device.forgetCached?.(this.#position, this.#superblock.blockSize);
    this.#device.read(this.#bytes, 0, layout.MMP_SIZE, this.#position);
    const place = { block: this.#superblock.mmpBlock };
    if (!layout.hasMagic(this.#view)) throw new CorruptionError('mmp block', place, 'it has no magic number');
    if (!this.#superblock.features.hasRoCompat('METADATA_CSUM')) return;
    const stored = layout.storedChecksum(this.#view);
    const computed = layout.computeChecksum(this.#superblock.checksumSeed, this.#bytes);
    if (stored !== computed) throw new CorruptionError('mmp block', place, `checksum is ${stored.toString(16)}, the contents give ${computed.toString(16)}`);
  }

  #write(sequence: number): void {
    layout.setSequence(this.#view, sequence);
    layout.setTime(this.#view, this.#now());
    layout.setNodeName(this.#bytes, this.#holder.nodeName);
    layout.setDeviceName(this.#bytes, this.#holder.deviceName);
    layout.setCheckInterval(this.#view, Math.min(2 * this.#updateInterval(this.#superblock.mmpInterval), LONGEST_INTERVAL));
    if (this.#superblock.features.hasRoCompat('METADATA_CSUM')) {
      layout.setChecksum(this.#view, layout.computeChecksum(this.#superblock.checksumSeed, this.#bytes));
    }
    this.#device.write(this.#bytes, 0, layout.MMP_SIZE, this.#position);
    this.#device.flush();
    this.#sequence = sequence;
  }

  #updateInterval(seconds: number): number {
    return Math.min(seconds === 0 ? SHORTEST_INTERVAL : seconds, LONGEST_INTERVAL);
  }

  #inUse(what: string): InUseError {
    const since = new Date(layout.time(this.#view) * 1000);
    const written = Number.isNaN(since.getTime()) ? 'at an impossible time' : `at ${since.toISOString()}`;
    return new InUseError(`${what}; its mmp block was last written ${written} by ${JSON.stringify(layout.nodeName(this.#bytes))} for ${JSON.stringify(layout.deviceName(this.#bytes))}`);
  }
}

/** As it reads once it was stored. */
function shortened(name: string): string {
  const bytes = new Uint8Array(layout.MMP_SIZE);
  layout.setNodeName(bytes, name);
  return layout.nodeName(bytes);
}

function sleep(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}
