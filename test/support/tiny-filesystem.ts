/**
 * A filesystem of one empty directory, for tests of mounting: it reads nothing from its source. Its
 * options say how it is to behave: "tiny.read-only", "tiny.refuse", "tiny.journal[=DEVICE NUMBER]", "tiny.warn",
 * "tiny.fail-close".
 */
import { readSync } from 'node:fs';
import { writeAttrOut } from '../../protocol/fuse/attributes.js';
import type { FilesystemModule, FilesystemSource, MountedFilesystem } from '../../server/session/filesystem.js';
import { OptionError } from '../../server/session/filesystem.js';

const EIO = 5;

export const openFilesystem: FilesystemModule['openFilesystem'] = (source, requestJournal): MountedFilesystem => {
  const { options } = source;
  if (options.includes('tiny.refuse')) throw new OptionError(`tiny does not like ${source.name}`);
  const warnings = options.includes('tiny.warn') ? ['tiny warns'] : [];
  const wish = options.map((option) => /^tiny\.journal(?:=(\d+))?$/u.exec(option)).find((match) => match !== null);
  if (wish !== undefined) {
    const journal = requestJournal('01234567-89ab-cdef-0123-456789abcdef', Number(wish[1] ?? 0));
    warnings.push(`journal ${journal.name} has ${journal.size} bytes`);
  }
  return {
    facts: {
      blockSize: 4096,
      rootMode: 0o40755,
      readOnly: !source.writable || options.includes('tiny.read-only'),
      kernelOptions: ['max_read=131072', 'allow_root', 'suid'],
      label: firstBytes(source),
      uuid: '',
      warnings,
    },
    operations: {
      GETATTR: (_, reply) =>
        writeAttrOut(reply.view, reply.body, {
          inode: 1, size: 4096, blocks: 8, atime: 0, mtime: 0, ctime: 0, atimeNanoseconds: 0, mtimeNanoseconds: 0,
          ctimeNanoseconds: 0, mode: 0o40755, links: 2, uid: 0, gid: 0, deviceNumber: 0, blockSize: 4096,
        }),
      READDIR: () => 0,
      READDIRPLUS: () => 0,
    },
    close: () => {
      if (options.includes('tiny.fail-close')) throw new Error(`tiny cannot close, errno ${EIO}`);
    },
  };
};

/** Shows where the source begins, and that it can be read. */
function firstBytes({ descriptor, offset }: FilesystemSource): string {
  const bytes = new Uint8Array(16);
  readSync(descriptor, bytes, 0, bytes.length, offset);
  return new TextDecoder().decode(bytes).replace(/\0+$/, '');
}
