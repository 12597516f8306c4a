/** Does for a caller what the helper does for root, with the descriptors that the caller has opened. */
import type { Mounted, MountRequest } from '../../protocol/broker/messages.js';
import { MountError } from '../mount/errors.js';
import { mountOpened, systemEnvironment } from '../mount/mount.js';
import { kernelMounter } from '../mount/mounter.js';
import { parseOptions, type MountOptions } from '../mount/options.js';
import type { Runtime } from '../mount/runtime.js';
import type { Source } from '../mount/source.js';
import type { Caller } from './caller.js';
import { adoptMountPoint } from './mount-point.js';
import { countMounts } from './mounts-of-user.js';
import { adoptNamespace } from './namespace.js';
import { assertMayMount, assertNumber, assertOptions, type Policy } from './policy.js';
import { adoptSource } from './source.js';

export interface Circumstances {
  readonly caller: Caller;
  readonly policy: Policy;
  readonly runtime: Runtime & { readonly mounts: string };
  /** Requests of the same user that are worked on at the same time: each may become a mount. */
  readonly others: number;
}

export async function mountFor({ caller, policy, runtime, others }: Circumstances, request: MountRequest): Promise<Mounted> {
  const { source: file, mountPoint, mountNamespace, journal } = request.descriptors;
  assertMayMount(policy, caller);
  const options = optionsFor(policy, caller, request.options);
  assertNumber(policy, countMounts(runtime.mounts, caller.uid) + others);
  if (mountPoint === undefined) throw new MountError('USAGE', 'detached mounts are not offered');
  const target = adoptMountPoint(mountPoint, caller, adoptNamespace(mountNamespace));
  const source = await adoptSource(file, options.flags.readOnly, policy);
  const users = { userId: caller.uid, groupId: caller.gid, allowOther: options.helper.allowOther };
  const result = await mountOpened(
    {
      source,
      target,
      options,
      foreground: false,
      mounter: (wanted) => kernelMounter({ ...wanted, users }),
      journal: () => openedJournal(journal, !source.writable, policy),
      owner: caller.uid,
    },
    { ...systemEnvironment(), runtime },
  );
  const { device, readOnly, label, uuid, kernelFeatures, warnings, log = '' } = result;
  return { type: 'mounted', descriptors: {}, source: result.source, target: result.target, device, readOnly, label, uuid, kernelFeatures, warnings, log };
}

function optionsFor(policy: Policy, caller: Caller, words: readonly string[]): MountOptions {
  assertOptions(policy, words, caller);
  // Each is one word, whatever commas it has.
  const options = parseOptions(words.map((word) => `"${word}"`));
  const iomap = policy.options.includes('iomap') ? options.helper.iomap : 'off';
  return { ...options, flags: { ...options.flags, noSuid: true, noDev: true }, helper: { ...options.helper, iomap } };
}

async function openedJournal(descriptor: number | undefined, readOnly: boolean, policy: Policy): Promise<Source> {
  if (descriptor !== undefined) return await adoptSource(descriptor, readOnly, policy);
  throw new MountError('SOURCE_NOT_FOUND', 'the filesystem keeps its journal on another device', 'name it with -o journal_path=DEVICE');
}
