/** Does for a caller what the helper does for root, with the descriptors that the caller has opened. */
import type { Mounted, MountRequest } from '../../protocol/broker/messages.js';
import { MountError } from '../mount/errors.js';
import { KeptMount } from '../mount/kept-mount.js';
import { systemEnvironment } from '../mount/mount-environment.js';
import { mountOpened, type MountResult } from '../mount/mount-opened.js';
import { kernelMounter, type OpenedFuse } from '../mount/mounter.js';
import type { MountPoint } from '../mount/mount-point.js';
import { parseOptions, type MountOptions } from '../mount/options.js';
import type { Runtime } from '../mount/runtime.js';
import type { Source } from '../mount/source.js';
import type { Caller } from './caller.js';
import { adoptMountPoint } from './mount-point.js';
import { countMounts } from './mounts-of-user.js';
import { adoptNamespace, assertMountNamespace } from './namespace.js';
import { assertMayMount, assertNumber, assertOptions, type Policy } from './policy.js';
import { adoptSource } from './source.js';
import { belongsHere, openFuseInside } from './user-namespace.js';

export interface Circumstances {
  readonly caller: Caller;
  readonly policy: Policy;
  readonly runtime: Runtime & { readonly mounts: string };
  /** Requests of the same user that are worked on at the same time: each may become a mount. */
  readonly others: number;
}

/** @throws MountError where the policy, the kernel or the filesystem refuses; then nothing is left behind */
export async function mountFor(circumstances: Circumstances, request: MountRequest): Promise<Mounted> {
  const { caller, policy, runtime, others } = circumstances;
  assertMayMount(policy, caller);
  const options = optionsFor(policy, caller, request);
  assertNumber(policy, countMounts(runtime.mounts, caller.uid) + others);
  return request.detached ? await mountDetached(circumstances, request, options) : await mountAttached(circumstances, request, options);
}

/** In a mount namespace of ours, by us. */
async function mountAttached(circumstances: Circumstances, { descriptors }: MountRequest, options: MountOptions): Promise<Mounted> {
  const { mountPoint = -1, mountNamespace, source: file } = descriptors;
  const target = adoptMountPoint(mountPoint, circumstances.caller, adoptNamespace(mountNamespace));
  const source = await adoptSource(file, options.flags.readOnly, circumstances.policy);
  return answerOf(await mountOn(target, source, options, descriptors.journal, circumstances));
}

/** For a user namespace of the caller's, which attaches it there. */
async function mountDetached(circumstances: Circumstances, { descriptors, target: place }: MountRequest, options: MountOptions): Promise<Mounted> {
  const { mountNamespace } = descriptors;
  assertMountNamespace(mountNamespace);
  if (belongsHere(mountNamespace)) {
    throw new MountError('PERMISSION', 'detached mounts are for user namespaces', 'run it in one: unshare -Urm, podman unshare', 'NAMESPACE');
  }
  const source = await adoptSource(descriptors.source, options.flags.readOnly, circumstances.policy, true);
  const opened = openFuseInside(mountNamespace, circumstances.caller);
  const kept = new KeptMount(place);
  const result = await mountOn(kept, source, options, descriptors.journal, circumstances, opened);
  return { ...answerOf(result), descriptors: { mount: kept.take() } };
}

async function mountOn(target: MountPoint, source: Source, options: MountOptions, journal: number | undefined, { caller, policy, runtime }: Circumstances, opened?: OpenedFuse): Promise<MountResult> {
  const users = { userId: caller.uid, groupId: caller.gid, allowOther: options.helper.allowOther };
  return await mountOpened(
    {
      source,
      target,
      options,
      foreground: false,
      mounter: (wanted) => kernelMounter({ ...wanted, users, ...(opened && { opened }) }),
      journal: () => openedJournal(journal, !source.writable, policy),
      owner: caller.uid,
    },
    { ...systemEnvironment(), runtime },
  );
}

function answerOf({ source, target, device, readOnly, label, uuid, kernelFeatures, warnings, log = '' }: MountResult): Mounted {
  return { type: 'mounted', descriptors: {}, source, target, device, readOnly, label, uuid, kernelFeatures, warnings, log };
}

function optionsFor(policy: Policy, caller: Caller, { options: words, detached }: MountRequest): MountOptions {
  assertOptions(policy, words, caller);
  // Each is one word, whatever commas it has.
  const options = parseOptions(words.map((word) => `"${word}"`));
  // Another user namespace gets nothing by our privileges.
  const iomap = policy.options.includes('iomap') && !detached ? options.helper.iomap : 'off';
  return { ...options, flags: { ...options.flags, noSuid: true, noDev: true }, helper: { ...options.helper, iomap } };
}

async function openedJournal(descriptor: number | undefined, readOnly: boolean, policy: Policy): Promise<Source> {
  if (descriptor !== undefined) return await adoptSource(descriptor, readOnly, policy);
  throw new MountError('SOURCE_NOT_FOUND', 'the filesystem keeps its journal on another device', 'name it with -o journal_path=DEVICE');
}
