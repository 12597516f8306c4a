import { crc32c } from './crc32c.js';
import { fixedString } from './read.js';

/**
 * The block of multi-mount protection in place (Documentation/filesystems/ext4/mmp.rst): a sequence
 * number that whoever has the filesystem mounted changes every few seconds.
 */
export const MMP_SIZE = 1024;
const MAGIC = 0x004d4d50;
const NODE_NAME = { at: 0x10, size: 64 } as const;
const DEVICE_NAME = { at: 0x50, size: 32 } as const;
const CHECK_INTERVAL = 0x70;
const CHECKSUM = 0x3fc;

/** Sequence numbers beyond `Largest` are not counts. */
export const Sequence = { Largest: 0xe24d_4d4f, Checking: 0xe24d_4d50, Clean: 0xff4d_4d50 } as const;

export const hasMagic = (view: DataView): boolean => view.getUint32(0, true) === MAGIC;
export const sequence = (view: DataView): number => view.getUint32(4, true);
/** When it was written last, in seconds since 1970; for people. */
export const time = (view: DataView): number => view.getUint32(8, true) + view.getUint32(12, true) * 0x1_0000_0000;
export const nodeName = (bytes: Uint8Array): string => fixedString(bytes, NODE_NAME.at, NODE_NAME.size);
export const deviceName = (bytes: Uint8Array): string => fixedString(bytes, DEVICE_NAME.at, DEVICE_NAME.size);
/** After so many seconds without a change nobody is there any more. */
export const checkInterval = (view: DataView): number => view.getUint16(CHECK_INTERVAL, true);

export const setSequence = (view: DataView, value: number): void => view.setUint32(4, value, true);
export function setTime(view: DataView, seconds: number): void {
  view.setUint32(8, seconds >>> 0, true);
  view.setUint32(12, Math.floor(seconds / 0x1_0000_0000), true);
}
export const setNodeName = (bytes: Uint8Array, name: string): void => setName(bytes, NODE_NAME, name);
export const setDeviceName = (bytes: Uint8Array, name: string): void => setName(bytes, DEVICE_NAME, name);
export const setCheckInterval = (view: DataView, seconds: number): void => view.setUint16(CHECK_INTERVAL, seconds, true);

export const storedChecksum = (view: DataView): number => view.getUint32(CHECKSUM, true);
export const computeChecksum = (seed: number, bytes: Uint8Array): number => crc32c(seed, bytes, 0, CHECKSUM);
export const setChecksum = (view: DataView, value: number): void => view.setUint32(CHECKSUM, value, true);

function setName(bytes: Uint8Array, { at, size }: typeof NODE_NAME | typeof DEVICE_NAME, name: string): void {
  bytes.fill(0, at, at + size);
  bytes.set(new TextEncoder().encode(name).subarray(0, size - 1), at);
}
