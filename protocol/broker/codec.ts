import { codecOf } from '../packets/codec.js';
import { fuse4fs } from './generated/broker.js';
import { schemas, type Message } from './messages.js';

export const { encode, decode, descriptorsOf } = codecOf<Message, fuse4fs.broker.Packet>({
  packet: fuse4fs.broker.Packet,
  schemas,
  slots: {
    mountRequest: [
      { place: 'source', role: 'SOURCE', min: 1, max: 1 },
      { place: 'mountPoint', role: 'MOUNT_POINT', min: 0, max: 1 },
      { place: 'mountNamespace', role: 'MOUNT_NAMESPACE', min: 1, max: 1 },
      { place: 'journal', role: 'JOURNAL', min: 0, max: 1 },
    ],
    unmountRequest: [
      { place: 'parent', role: 'PARENT', min: 1, max: 1 },
      { place: 'mountNamespace', role: 'MOUNT_NAMESPACE', min: 1, max: 1 },
    ],
    mounted: [{ place: 'mount', role: 'MOUNT', min: 0, max: 1 }],
  },
});
