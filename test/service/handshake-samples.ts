/** One good message of each type, and their packets. Descriptor numbers in them stand for nothing. */
import { encode } from '../../protocol/service/codec.js';
import type { Message, MessageOf, MessageType } from '../../protocol/service/messages.js';
import type { Step } from './handshake-script.js';

export const samples: { readonly [Type in MessageType]: MessageOf<Type> } = {
  hello: { type: 'hello', versionMin: 1, versionMax: 1, requiredFeatures: [], optionalFeatures: [], software: 'test' },
  welcome: { type: 'welcome', version: 1, features: [], software: 'test' },
  source: {
    type: 'source',
    descriptors: { device: 100, fuse: 101 },
    name: '/dev/sdb1',
    kind: 'BLOCK_DEVICE',
    size: 20 * 2 ** 40,
    offset: 1048576,
    sizeLimit: 0,
    writable: false,
    options: ['ro', 'errors=continue'],
    target: '/mnt/ä',
    maxPagesLimit: 256,
    sectorSize: 512,
  },
  needJournal: { type: 'needJournal', uuid: '01234567-89ab-cdef-0123-456789abcdef', deviceNumber: 0x801 },
  journal: { type: 'journal', descriptors: { device: 100 }, size: 2 ** 27, name: '/dev/sdc1' },
  mountPlan: {
    type: 'mountPlan',
    blockSize: 4096,
    rootMode: 0o40755,
    readOnly: true,
    kernelOptions: ['max_read=1048576'],
    fuseClones: 2,
    label: 'data',
    uuid: 'fedcba98-7654-3210-fedc-ba9876543210',
    warnings: ['the journal was replayed in memory only'],
  },
  mounted: { type: 'mounted', descriptors: { fuseClones: [100, 101], statusListener: 102 }, deviceNumber: '8:17' },
  ready: { type: 'ready', kernelFeatures: ['ASYNC_READ'], warnings: [] },
  refusal: { type: 'refusal', code: 'NOT_EXT4', message: 'no ext4 on /dev/sdb1', hint: 'try blkid' },
};

export const hexOf = (message: Message): string => Buffer.from(encode(message).bytes).toString('hex');

/** The step that sends a good message with the descriptors that it needs, or with more or fewer. */
export function sending(message: Message, surplus = 0): Step {
  return { do: 'send', hex: hexOf(message), descriptors: encode(message).descriptors.length + surplus };
}
