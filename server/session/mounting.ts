import type { Channel } from '../../protocol/seqpacket/channel.js';
import { DIRECTORY_TREE, type Source } from '../../protocol/service/messages.js';
import { ServerEnd } from '../../protocol/service/server-end.js';
import { isConfinementOption, isToBeStrict, type Confinement } from '../confinement/confinement.js';
import { OptionError, type FilesystemModule, type FilesystemSource, type JournalSource, type MountedFilesystem } from './filesystem.js';
import { NONE, startDataThreads } from './data-threads.js';
import { iomapChannel } from './iomap-channel.js';
import { DEFAULT_MAXIMUM_PAGES } from './negotiation.js';
import { toRefusal } from './refusal.js';

export const PAGE = 4096;
/** 1 MiB. Larger requests were not faster, and each costs a buffer here. */
export const MOST_PAGES = 256;

/** A filesystem that the kernel is about to ask about. */
export interface Mount {
  readonly filesystem: MountedFilesystem;
  /** The mounted /dev/fuse. */
  readonly fuse: number;
  readonly maximumPages: number;
  readonly statusListener: number | undefined;
  readonly helper: WaitingHelper;
  /** The mount is to fail where the server cannot be confined as it should be. */
  readonly strict: boolean;
}

/** Whoever asked for the mount hears whether it works once INIT is answered. */
export interface WaitingHelper {
  ready(kernelFeatures: readonly string[]): void;
  refuse(message: string): void;
}

/** Told as soon as it is known what is mounted where. */
export type SourceListener = (name: string, target: string) => void;

/**
 * The server's part of the handshake, up to the moment when the mount exists. What cannot be mounted
 * is refused with the reason, and thrown too.
 * @throws RefusedError, HandshakeError, or whatever opening the filesystem threw
 */
export function mountForHelper(channel: Channel, module: FilesystemModule, confinement: Confinement, announce: SourceListener): Mount {
  const end = ServerEnd.accept(channel, { offer: { optionalFeatures: module.features ?? [] } });
  const source = end.source();
  announce(source.name, source.target);
  orRefuse(end, source, () => assertKind(source, end.agreement.features));
  const maximumPages = Math.min(MOST_PAGES, source.maxPagesLimit > 0 ? source.maxPagesLimit : DEFAULT_MAXIMUM_PAGES);
  const described = describe(source, maximumPages);
  const strict = orRefuse(end, source, () => isToBeStrict(source.options, module.confine?.(described, confinement) ?? confinement));
  const filesystem = orRefuse(end, source, () => module.openFilesystem(described, journalFrom(end)));
  try {
    const { facts } = filesystem;
    const { descriptors } = end.mountPlan({
      blockSize: facts.blockSize,
      rootMode: facts.rootMode,
      readOnly: facts.readOnly,
      kernelOptions: [...facts.kernelOptions, `max_read=${maximumPages * PAGE}`],
      // One thread reads requests, and it gains nothing from a second descriptor.
      fuseClones: 0,
      label: facts.label,
      uuid: facts.uuid,
      warnings: facts.warnings,
    });
    filesystem.activate?.(descriptors);
    const helper: WaitingHelper = {
      ready: (kernelFeatures) => {
        end.ready({ kernelFeatures, warnings: [] });
        end.close();
      },
      refuse: (message) => end.refuse({ code: 'FEATURE', message, hint: '' }),
    };
    return { filesystem, fuse: source.descriptors.fuse, maximumPages, statusListener: descriptors.statusListener, helper, strict };
  } catch (error) {
    filesystem.close();
    throw error;
  }
}

const journalFrom = (end: ServerEnd) => (uuid: string, deviceNumber: number): JournalSource => {
  const { descriptors, name, size } = end.needJournal({ uuid, deviceNumber });
  return { descriptor: descriptors.device, name, size };
};

function orRefuse<Result>(end: ServerEnd, { name }: Source, act: () => Result): Result {
  try {
    return act();
  } catch (error) {
    end.refuse(toRefusal(error, name));
    throw error;
  }
}

function assertKind({ kind }: Source, features: ReadonlySet<string>): void {
  if ((kind === 'DIRECTORY') !== features.has(DIRECTORY_TREE)) throw new OptionError(kind === 'DIRECTORY' ? 'this server serves no directories' : 'this server serves directories only');
}

const KINDS = { BLOCK_DEVICE: 'block device', IMAGE_FILE: 'image file', DIRECTORY: 'directory' } as const;

function describe({ descriptors, name, target, kind, size, offset, sizeLimit, sectorSize, writable, options }: Source, maximumPages: number): FilesystemSource {
  return {
    descriptor: descriptors.device,
    name,
    target,
    kind: KINDS[kind],
    ...(descriptors.policy !== undefined && { policy: descriptors.policy }),
    ...(descriptors.directDevice !== undefined && { directDescriptor: descriptors.directDevice }),
    size,
    offset,
    sizeLimit,
    sectorSize,
    writable,
    options: options.filter((option) => !isConfinementOption(option)),
    ...iomapOf(descriptors.fuse),
    startDataThreads: () => startDataThreads(descriptors.device, descriptors.fuse, maximumPages * PAGE, descriptors.directDevice ?? NONE, writable),
  };
}

function iomapOf(fuse: number): Pick<FilesystemSource, 'iomap'> {
  const iomap = iomapChannel(fuse);
  return iomap === undefined ? {} : { iomap };
}
