import { closeSync, constants as files, fstatSync } from 'node:fs';
import { ServerEnd } from '../../../protocol/libfuse/server-end.js';
import type { Channel } from '../../../protocol/seqpacket/channel.js';
import { isConfinementOption, isToBeStrict, type Confinement } from '../../confinement/confinement.js';
import { log } from '../../log.js';
import type { FilesystemModule, JournalSource, MountedFilesystem } from '../filesystem.js';
import { NONE, startDataThreads } from '../data-threads.js';
import { MOST_PAGES, PAGE, type Mount, type SourceListener } from '../mounting.js';
import { serverShim } from '../../native/shim.js';
import { MS_RDONLY, readCommandLine, type CommandLine } from './command-line.js';
import { openSource, type LibfuseSource } from './source.js';

/** What fuseblk takes: a page at most. */
const LARGEST_BLOCK = 4096;

/**
 * The same as mountForHelper(), for a mount helper of libfuse's: the server asks for what it needs, and
 * for the mount. Whatever goes wrong, the helper hears that there will be none, and our log why.
 * @throws LibfuseError, RequestRefusedError, or whatever opening the filesystem threw
 */
export function mountForLibfuse(channel: Channel, module: FilesystemModule, confinement: Confinement, announce: SourceListener): Mount {
  const end = ServerEnd.accept(channel);
  try {
    const wish = readCommandLine(end.arguments);
    announce(wish.source, wish.target);
    const strict = isToBeStrict(wish.filesystem, confinement);
    const source = openSource(end, wish.source, (wish.flags & MS_RDONLY) !== 0);
    const filesystem = module.openFilesystem(describe(source, wish, end.fuse), (uuid) => openJournal(end, wish, uuid));
    end.finishOpening();
    try {
      askForMount(end, wish, source, filesystem);
      filesystem.activate?.();
    } catch (error) {
      filesystem.close();
      throw error;
    }
    return {
      filesystem,
      fuse: end.fuse,
      maximumPages: MOST_PAGES,
      statusListener: undefined,
      helper: { ready: () => end.goodbye(true), refuse: () => end.goodbye(false) },
      strict,
    };
  } catch (error) {
    end.goodbye(false);
    closeSync(end.fuse);
    throw error;
  }
}

function describe(source: LibfuseSource, wish: CommandLine, fuse: number): Parameters<FilesystemModule['openFilesystem']>[0] {
  const { offset, sizeLimit } = wish;
  if (offset + sizeLimit > source.size || offset >= source.size) {
    closeSync(source.descriptor);
    throw new Error(`offset and sizelimit lead beyond the end of ${wish.source}, which has ${source.size} bytes`);
  }
  const { descriptor, direct, kind, size, sectorSize, writable } = source;
  return {
    descriptor,
    ...(direct !== undefined && { directDescriptor: direct }),
    kind,
    size,
    sectorSize,
    writable,
    name: wish.source,
    target: wish.target,
    offset,
    sizeLimit,
    options: wish.filesystem.filter((option) => !isConfinementOption(option)),
    startDataThreads: () => startDataThreads(descriptor, fuse, MOST_PAGES * PAGE, direct ?? NONE, writable),
  };
}

function openJournal(end: ServerEnd, { journal, flags }: CommandLine, uuid: string): JournalSource {
  if (journal === undefined) throw new Error(`the journal is on another device (its UUID is ${uuid}): name it with journal_path=`);
  const descriptor = end.open(journal, { openFlags: (flags & MS_RDONLY) !== 0 ? files.O_RDONLY : files.O_RDWR });
  return { descriptor, name: journal, size: sizeOf(descriptor) };
}

function sizeOf(descriptor: number): number {
  const stats = fstatSync(descriptor);
  const facts = new Float64Array(3);
  return stats.isBlockDevice() && serverShim.blockDevice(descriptor, facts) >= 0 ? facts[0]! : stats.size;
}

function askForMount(end: ServerEnd, wish: CommandLine, source: LibfuseSource, { facts }: MountedFilesystem): void {
  // The kernel opens the device by its name, from wherever the helper is by then.
  const fuseblk = source.kind === 'block device' && end.mayUseFuseblk && wish.source.startsWith('/');
  const blockSize = Math.max(source.sectorSize, Math.min(facts.blockSize, LARGEST_BLOCK));
  end.fsopen(fuseblk);
  end.source(fuseblk ? wish.source : (wish.name ?? wish.source));
  end.mountPoint(wish.target, files.S_IFDIR);
  const options = [
    // The server checks no permissions: the kernel does, from the modes and ACLs that it is shown.
    'default_permissions',
    ...(fuseblk ? [`blksize=${blockSize}`] : []),
    `max_read=${MOST_PAGES * PAGE}`,
    // Root's mounts are for everybody, as the kernel's are.
    ...(end.mayUseFuseblk ? ['allow_other'] : []),
    ...wish.kernel,
    ...facts.kernelOptions,
  ];
  end.options([...new Set(options)].join(','));
  if (wish.table.length > 0) end.tableOptions(wish.table.join(','));
  // Until here the claim kept others out. The kernel takes its own now, or says that somebody was faster.
  if (fuseblk) source.release();
  end.mount(wish.flags | (facts.readOnly || !source.writable ? MS_RDONLY : 0));
  for (const warning of facts.warnings) log('warning', warning);
}
