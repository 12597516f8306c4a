/** What well-behaved code cannot send: the channel's own limits are left out. */
import type { Channel } from '../../protocol/seqpacket/channel.js';
import { SeqpacketError } from '../../protocol/seqpacket/errors.js';
import { shim } from '../../protocol/seqpacket/shim.js';

export function sendUnchecked(channel: Channel, bytes: Uint8Array, descriptors: readonly number[]): void {
  const sent = shim.send(channel.fd, bytes, Int32Array.from(descriptors));
  if (sent < 0) throw new SeqpacketError('SYSTEM', 'sending', -sent);
}
