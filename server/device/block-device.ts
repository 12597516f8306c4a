/**
 * The bytes a filesystem lives on. Positions and lengths are in bytes; all calls are synchronous
 * because one thread owns the filesystem. Implementations: a descriptor (descriptor-device.ts), the
 * recovered view of a journal that may not be written (ext4/journal/recovered-device.ts), and in
 * tests memory that records writes, tears them and fails.
 */
export interface BlockDevice {
  /** Usable size in bytes. */
  readonly size: number;
  readonly readOnly: boolean;
  /** Bytes written since it was opened, where they are counted. */
  readonly bytesWritten?: number;

  /** Others have written so many for this program. */
  countWritten?(bytes: number): void;

  /**
   * Fills target[targetOffset, targetOffset+length) from `position`.
   * @throws DeviceError where the range is outside the device or cannot be read
   */
  read(target: Uint8Array, targetOffset: number, length: number, position: number): void;

  /** Fills the target as read() does if nothing has to be waited for; otherwise the device begins to read. */
  readNow?(target: Uint8Array, targetOffset: number, length: number, position: number): ReadNow;

  /**
   * Where a range lies behind the descriptor that data threads read from. Without it, what is shown is not what lies there.
   * @throws DeviceError where it is outside the device
   */
  placeOf?(position: number, length: number): number;

  /** @throws DeviceError (EROFS on a read-only device) */
  write(source: Uint8Array, sourceOffset: number, length: number, position: number): void;

  /** Returns when what others were given to write to it has been written, where somebody does. @throws DeviceError where something was not */
  settle?(): void;

  /** Returns when everything written before is on stable storage. */
  flush(): void;

  /**
   * Returns when everything written before to a range has left the machine's cache for the device, which may keep it in memory of
   * its own: it is there for those who read past that cache. Without it, that takes a flush.
   */
  writeOut?(position: number, length: number): void;

  /**
   * Tells the device that a range is unused, and can read as anything from now on; best effort.
   * @returns false where it takes no discards at all
   */
  discard(position: number, length: number): boolean;

  /**
   * Fills a range with zeros, past the machine's cache.
   * @returns false where the device has no way to
   */
  zeroOut?(position: number, length: number): boolean;

  /** Drops what is cached of a range by the machine, so that the next read finds what others have written; best effort. */
  forgetCached?(position: number, length: number): void;

  /** Memory that is going to hold what is read: it belongs in no core dump; best effort. */
  keepSecret?(memory: Uint8Array): void;

  /** Asks for a range to be read ahead; best effort. */
  willNeed(position: number, length: number): void;

  close(): void;
}

/** 'unknown': it cannot be said whether there is something to wait for. */
export type ReadNow = 'done' | 'begun' | 'unknown';
