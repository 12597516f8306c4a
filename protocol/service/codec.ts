import { codecOf } from '../packets/codec.js';
import { fuse4fs } from './generated/service.js';
import { MAX_CLONES, schemas, type Message } from './messages.js';

export const { encode, decode, descriptorsOf } = codecOf<Message, fuse4fs.service.Packet>({
  packet: fuse4fs.service.Packet,
  schemas,
  slots: {
    source: [
      { place: 'device', role: 'DEVICE', min: 1, max: 1 },
      { place: 'fuse', role: 'FUSE', min: 1, max: 1 },
      { place: 'policy', role: 'POLICY', min: 0, max: 1 },
      { place: 'directDevice', role: 'DIRECT_DEVICE', min: 0, max: 1 },
    ],
    journal: [{ place: 'device', role: 'JOURNAL_DEVICE', min: 1, max: 1 }],
    mounted: [
      { place: 'fuseClones', role: 'FUSE_CLONE', min: 0, max: MAX_CLONES, many: true },
      { place: 'statusListener', role: 'STATUS_LISTENER', min: 0, max: 1 },
      { place: 'registrar', role: 'REGISTRAR', min: 0, max: 1 },
      { place: 'watcher', role: 'WATCHER', min: 0, max: 1 },
    ],
  },
});
