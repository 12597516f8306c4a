import { readFileSync } from 'node:fs';
import type { NeedJournal } from '../../protocol/service/messages.js';
import { MountError } from './errors.js';
import { decodeDevice, openSource, type Source } from './source.js';

/** What the user said about it: journal_path=, or journal_dev= as the kernel's ext4 takes it. */
export interface JournalWish {
  readonly path: string | undefined;
  readonly deviceNumber: number | undefined;
}

/**
 * Finds and opens the device that holds the journal. The helper reads no metadata: it goes by what
 * the user said, by udev's links, and by the number that the superblock remembers, and the server
 * compares the UUID.
 */
export async function openJournal(need: NeedJournal, wish: JournalWish, readOnly: boolean): Promise<Source> {
  if (wish.path !== undefined) return await openSource(wish.path, { readOnly, exclusive: true });
  const candidates = [
    ...(wish.deviceNumber === undefined ? [`UUID=${need.uuid}`] : []),
    ...byNumber(wish.deviceNumber ?? need.deviceNumber),
  ];
  for (const candidate of candidates) {
    try {
      const found = await openSource(candidate, { readOnly, exclusive: true });
      if (wish.deviceNumber !== undefined || isKnownJournal(found)) return found;
      found.close();
    } catch (error) {
      if (!(error instanceof MountError) || error.code !== 'SOURCE_NOT_FOUND') throw error;
    }
  }
  throw new MountError(
    'SOURCE_NOT_FOUND',
    `the filesystem keeps its journal on another device, with UUID ${need.uuid}, which cannot be found`,
    'name it with -o journal_path=DEVICE',
  );
}

/**
 * Which device it is was said by the server, and a server that was taken over could name any: so udev,
 * whose own look at it nobody here can forge, has to know it as an external journal.
 */
function isKnownJournal({ device }: Source): boolean {
  if (device === undefined) return false;
  try {
    return /^E:ID_FS_TYPE=jbd$/mu.test(readFileSync(`/run/udev/data/b${device.major}:${device.minor}`, 'latin1'));
  } catch {
    return false;
  }
}

function byNumber(encoded: number): string[] {
  if (encoded === 0) return [];
  const { major, minor } = decodeDevice(encoded);
  return [`/dev/block/${major}:${minor}`];
}
