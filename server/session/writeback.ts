/** Makes the kernel write back what it caches of a file, and waits for that without blocking the caller. */
import { write } from 'node:fs';
import { STALE_NODE_SIZE, writeStaleContents } from '../../protocol/fuse/notification.js';
import type { Writeback } from './thread-messages.js';

/**
 * What is cached of the range leaves the cache, changes by way of WRITE requests: this returns at once,
 * and a thread of libuv's waits until they are answered.
 * @param done also where the kernel has nothing of the file, or the connection has ended
 */
export function writeBack({ fuse, nodeid, offset, size }: Writeback, done: () => void): void {
  const message = new Uint8Array(STALE_NODE_SIZE);
  writeStaleContents(new DataView(message.buffer), 0, nodeid, offset, size);
  write(fuse, message, 0, message.length, null, done);
}
