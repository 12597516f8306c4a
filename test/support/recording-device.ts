import { readFileSync } from 'node:fs';
import type { BlockDevice } from '../../server/device/block-device.js';
import { DeviceError } from '../../server/ext4/errors.js';
import type { Random } from './random.js';

/** What drives lose or keep as a whole. */
const SECTOR_SIZE = 512;
/**
 * The superblock is two sectors, and is written in place by mounting and unmounting. Torn between them
 * its checksum is wrong, and only e2fsck can go on, from a backup; that is so with the kernel as well.
 */
const SUPERBLOCK = { start: 1024, end: 2048 } as const;

interface RecordedWrite {
  readonly kind: 'write';
  readonly device: RecordingDevice;
  readonly position: number;
  readonly bytes: Uint8Array;
}

interface RecordedFlush {
  readonly kind: 'flush';
  readonly device: RecordingDevice;
}

/** A moment that a test gave a name, such as the end of an fsync. */
interface RecordedMark {
  readonly kind: 'mark';
  readonly name: string;
}

type RecordedEvent = RecordedWrite | RecordedFlush | RecordedMark;

/** What happens to the writes that were not flushed when the power is cut. */
export type UnflushedWrites =
  /** None reached the device. */
  | 'lost'
  /** All did. */
  | 'kept'
  /** Some did, some of those torn between sectors. */
  | Random;

/** The order of events over several devices, which share one power supply. */
export class Recording {
  readonly events: RecordedEvent[] = [];

  /** Where one may cut the power: 0 is before everything. */
  get length(): number {
    return this.events.length;
  }

  /** Positions right after each flush. */
  get flushes(): number[] {
    return this.events.flatMap(({ kind }, index) => (kind === 'flush' ? [index + 1] : []));
  }

  mark(name: string): void {
    this.events.push({ kind: 'mark', name });
  }

  /** The marks passed before `position`. */
  marksBefore(position: number): string[] {
    return this.events.slice(0, position).flatMap((event) => (event.kind === 'mark' ? [event.name] : []));
  }
}

/** When an operation fails, by its number on the device, counted from 0 over all of its kind. */
export interface Failures {
  read?: (index: number, position: number) => boolean;
  write?: (index: number, position: number) => boolean;
  flush?: (index: number) => boolean;
}

/**
 * A device in memory that remembers every write and flush, so that what it would hold after a power
 * cut at any of them can be built again; and that fails where it is told to.
 */
/** What discarded bytes read as. */
const DISCARDED = 0xdd;

export class RecordingDevice implements BlockDevice {
  readonly readOnly = false;
  readonly recording: Recording;
  /** What a reader sees now. */
  readonly bytes: Uint8Array;
  failures: Failures = {};
  readonly #before: Uint8Array;
  #reads = 0;
  #writes = 0;
  #flushes = 0;

  constructor(bytes: Uint8Array, recording = new Recording()) {
    this.bytes = bytes;
    this.#before = bytes.slice();
    this.recording = recording;
  }

  static of(image: string, recording?: Recording): RecordingDevice {
    return new RecordingDevice(new Uint8Array(readFileSync(image)), recording);
  }

  get size(): number {
    return this.bytes.length;
  }

  read(target: Uint8Array, targetOffset: number, length: number, position: number): void {
    this.#check(position, length);
    const index = this.#reads++;
    if (this.failures.read?.(index, position) === true) throw new DeviceError(`injected: read at ${position}`);
    target.set(this.bytes.subarray(position, position + length), targetOffset);
  }

  write(source: Uint8Array, sourceOffset: number, length: number, position: number): void {
    this.#check(position, length);
    const index = this.#writes++;
    if (this.failures.write?.(index, position) === true) throw new DeviceError(`injected: write at ${position}`);
    const bytes = new Uint8Array(source.subarray(sourceOffset, sourceOffset + length));
    this.bytes.set(bytes, position);
    this.recording.events.push({ kind: 'write', device: this, position, bytes });
  }

  flush(): void {
    const index = this.#flushes++;
    if (this.failures.flush?.(index) === true) throw new DeviceError('injected: flush');
    this.recording.events.push({ kind: 'flush', device: this });
  }

  /** What was discarded can read as anything: as garbage, from any moment on. */
  discard(position: number, length: number): boolean {
    this.#check(position, length);
    const bytes = new Uint8Array(length).fill(DISCARDED);
    this.bytes.set(bytes, position);
    this.recording.events.push({ kind: 'write', device: this, position, bytes });
    return true;
  }

  willNeed(): void {}

  close(): void {}

  /** What the device holds when the power is cut before event `position`. */
  after(position: number, unflushed: UnflushedWrites): Uint8Array {
    const image = this.#before.slice();
    const pending: RecordedWrite[] = [];
    for (const event of this.recording.events.slice(0, position)) {
      if (event.kind === 'mark' || event.device !== this) continue;
      if (event.kind === 'write') pending.push(event);
      else for (const write of pending.splice(0)) image.set(write.bytes, write.position);
    }
    for (const write of survivors(pending, unflushed)) image.set(write.bytes, write.position);
    return image;
  }

  #check(position: number, length: number): void {
    if (position < 0 || length < 0 || position + length > this.size) {
      throw new DeviceError(`${position}+${length} is outside ${this.size} bytes`);
    }
  }
}

interface Survivor {
  readonly position: number;
  readonly bytes: Uint8Array;
}

function survivors(pending: readonly RecordedWrite[], unflushed: UnflushedWrites): readonly Survivor[] {
  if (unflushed === 'lost') return [];
  if (unflushed === 'kept') return pending;
  // Any subset is what reordering comes to: a device never puts an older write over a newer one to the same place.
  const kept = pending.filter(() => unflushed.below(2) === 1);
  return kept.flatMap((write) => (unflushed.below(4) === 0 ? torn(write, unflushed) : [write]));
}

/** Some of its sectors. */
function torn({ position, bytes }: RecordedWrite, random: Random): Survivor[] {
  const sectors: Survivor[] = [];
  for (let offset = 0, length: number; offset < bytes.length; offset += length) {
    length = indivisibleLength(position + offset);
    if (random.below(2) === 1) sectors.push({ position: position + offset, bytes: bytes.subarray(offset, offset + length) });
  }
  return sectors;
}

const indivisibleLength = (position: number): number =>
  position === SUPERBLOCK.start ? SUPERBLOCK.end - SUPERBLOCK.start : SECTOR_SIZE;
