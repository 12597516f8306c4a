import { closeSync } from 'node:fs';
import type { MountPlan } from '../../protocol/service/messages.js';
import { prepareMount, type PreparedMount } from './attach.js';
import type { FilesystemContext } from './filesystem-context.js';
import { openFuse } from './fuse-device.js';
import { permitIomap } from './iomap.js';
import { isInInitialUserNamespace } from './identity.js';
import type { MountPoint } from './mount-point.js';
import type { MountOptions } from './options.js';
import type { Source } from './source.js';

/** A way to mount: with privilege through the kernel, without through fusermount3. */
export interface Mounter {
  /** /dev/fuse, for the server. */
  readonly fuseDescriptor: number;
  prepare(plan: MountPlan): PreparedMount;
  /** There will be no mount. */
  discard(): void;
  /** Closes our copy of the descriptor. */
  close(): void;
}

export interface MounterRequest {
  readonly source: Source;
  readonly target: MountPoint;
  readonly options: MountOptions;
  /** mount(2) even where there is something better, for tests. */
  readonly oldApi: boolean;
  /** Who may use the mount: everybody (root's mounts), or this user. */
  readonly users?: { readonly userId: number; readonly groupId: number; readonly allowOther: boolean };
  /** Opened in the user namespace that the mount is for, which cannot be this one's then; undefined: opened here. */
  readonly opened?: OpenedFuse;
}

/** Both from the same user namespace: the kernel asks for that. From here on they are the mounter's to close. */
export interface OpenedFuse {
  readonly fuseDescriptor: number;
  readonly context: FilesystemContext;
}

/** The kernel opens and claims the device itself, where it can be mounted as fuseblk. */
export const kernelClaims = (): boolean => isInInitialUserNamespace();

const everybody = () => ({ userId: process.geteuid?.() ?? 0, groupId: process.getegid?.() ?? 0, allowOther: true });

/** Everybody may use it, one may unmount it. */
const ofUser = ({ helper: { userId, groupId } }: MountOptions) => ({ ...everybody(), ...(userId !== undefined && { userId }), ...(groupId !== undefined && { groupId }) });

const LARGEST_BLOCK = 4096;

/** With the rights of root. @throws MountError NO_FUSE, or why iomap=on cannot be had */
export function kernelMounter({ source, target, options, oldApi, users = ofUser(options), opened }: MounterRequest): Mounter {
  const fuseDescriptor = opened?.fuseDescriptor ?? openFuse();
  try {
    permitIomap(fuseDescriptor, source, options.helper.iomap);
  } catch (error) {
    closeSync(fuseDescriptor);
    throw error;
  }
  const isBlock = source.kind === 'BLOCK_DEVICE' && kernelClaims() && opened === undefined;
  return {
    fuseDescriptor,
    prepare: (plan) => {
      // Until here the claim kept others out. The kernel takes its own now, or says that somebody was faster.
      source.release();
      return prepareMount(
        {
          type: isBlock ? 'fuseblk' : 'fuse',
          source: isBlock ? source.name : (options.helper.name ?? source.name),
          device: isBlock ? source.device : undefined,
          subtype: 'fuse4fs',
          fuseDescriptor,
          rootMode: plan.rootMode,
          ...users,
          defaultPermissions: true,
          maxRead: options.helper.maxRead ?? maxReadOf(plan),
          rootNodeid: rootNodeidOf(plan),
          blockSize: Math.max(source.sectorSize, Math.min(plan.blockSize, LARGEST_BLOCK)),
          flags: { ...options.flags, readOnly: isReadOnly(plan, options, source) },
          contexts: options.kernel,
        },
        target,
        { oldApi, context: opened?.context },
      );
    },
    discard: () => undefined,
    close: () => closeSync(fuseDescriptor),
  };
}

export const isReadOnly = (plan: MountPlan, options: MountOptions, source: Source): boolean =>
  plan.readOnly || options.flags.readOnly || !source.writable;

/** Of the options that a server names, two are its to choose. */
export const maxReadOf = (plan: MountPlan): number | undefined => numberOf(plan, /^max_read=(\d{1,9})$/);

/** What the root directory is called; only kernels with the iomap extension let that be chosen. */
const rootNodeidOf = (plan: MountPlan): number | undefined => numberOf(plan, /^root_nodeid=(\d{1,9})$/);

function numberOf({ kernelOptions }: MountPlan, form: RegExp): number | undefined {
  const value = kernelOptions.map((option) => form.exec(option)?.[1]).find((digits) => digits !== undefined);
  return value === undefined ? undefined : Number(value);
}
