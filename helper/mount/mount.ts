import type { Mounted } from '../../protocol/broker/messages.js';
import type { Channel } from '../../protocol/seqpacket/channel.js';
import type { NeedJournal } from '../../protocol/service/messages.js';
import { shim } from '../native/shim.js';
import { askForDetached, connectToBroker, mountThroughBroker } from './broker.js';
import { openTree } from './directory-tree.js';
import { exitStatus, MountError } from './errors.js';
import { openJournal } from './external-journal.js';
import { fusermountMounter, NeedsReadOnly } from './fusermount.js';
import { isRoot } from './identity.js';
import { KeptMount } from './kept-mount.js';
import { systemEnvironment, type MountEnvironment } from './mount-environment.js';
import { assertInside, mountOpened, type MountResult } from './mount-opened.js';
import { openMountPoint, type MountPoint } from './mount-point.js';
import { kernelClaims, kernelMounter } from './mounter.js';
import { isOurs, mountOn as findMountOn } from './mountinfo.js';
import type { MountOptions } from './options.js';
import { statusSocketOf } from './runtime.js';
import { openSource, type Source } from './source.js';

export interface MountRequest {
  readonly source: string;
  readonly target: string;
  readonly options: MountOptions;
  /** The server writes to our standard error, and the caller goes on to wait for it. */
  readonly foreground: boolean;
  /** Everything but the mount (mount -f). */
  readonly fake?: boolean;
  /** The source is a directory, served as it is. */
  readonly passthrough?: boolean;
}

export type DetachedRequest = Pick<MountRequest, 'source' | 'options'>;

/** Mounts, or throws a MountError and leaves nothing behind: no mount, no process, no file. */
export async function mount(request: MountRequest, environment: MountEnvironment = systemEnvironment()): Promise<MountResult | undefined> {
  if (environment.interruptible) shim.exitWhenInterrupted(exitStatus.interrupted, '', '');
  const connection = request.fake === true ? undefined : brokerFor(request, environment);
  if (connection !== undefined) return askBroker(connection, request, environment);
  const target = openMountPoint(request.target);
  try {
    return await mountOn(target, request, environment);
  } catch (error) {
    if (!(error instanceof NeedsReadOnly)) throw error;
    const result = await mountOn(target, asReadOnly(request), environment);
    return result && { ...result, warnings: [...new Set([...error.warnings, ...result.warnings])] };
  } finally {
    if (environment.interruptible) shim.exitWhenInterrupted(0, '', '');
    target.close();
  }
}

/** Mounts, and attaches it nowhere: the mount is a descriptor, which is the taker's to close, and ends with it if nobody attaches it. */
export async function mountDetached(request: DetachedRequest, environment: MountEnvironment = systemEnvironment()): Promise<MountResult & { readonly mount: number }> {
  const connection = brokerFor(request, environment);
  if (connection !== undefined) {
    const answer = askForDetached(connection, { ...request, target: '' });
    return { ...resultOf(answer, environment), mount: answer.mount };
  }
  if (!isRoot()) throw new MountError('PERMISSION', 'only root mounts without a place', 'be root of a user namespace: unshare -Urm, podman unshare');
  const kept = new KeptMount('');
  try {
    const result = await mountOn(kept, { ...request, target: kept.path, foreground: false }, environment);
    if (result === undefined) throw new MountError('INTERNAL', 'nothing was mounted');
    return { ...result, mount: kept.take() };
  } finally {
    kept.close();
  }
}

/** Undefined where we mount ourselves. A server of the user's own is not the broker's to ask. */
const brokerFor = ({ options, passthrough }: Pick<MountRequest, 'options' | 'passthrough'>, { runtime: { broker } }: MountEnvironment): Channel | undefined =>
  options.helper.server === undefined && passthrough !== true ? connectToBroker(broker) : undefined;

function askBroker(connection: Channel, request: MountRequest, environment: MountEnvironment): MountResult {
  try {
    return resultOf(mountThroughBroker(connection, request), environment);
  } finally {
    if (environment.interruptible) shim.exitWhenInterrupted(0, '', '');
  }
}

function resultOf({ log, ...mounted }: Mounted, { runtime: { broker } }: MountEnvironment): MountResult {
  const statusSocket = broker && statusSocketOf(broker.mounts, mounted.device);
  return { ...mounted, log: log === '' ? undefined : log, statusSocket, server: undefined };
}

const asReadOnly = (request: MountRequest): MountRequest => ({
  ...request,
  options: { ...request.options, flags: { ...request.options.flags, readOnly: true } },
});

async function mountOn(target: MountPoint, request: MountRequest, environment: MountEnvironment): Promise<MountResult | undefined> {
  const { options } = request;
  const source = await openFor(request);
  try {
    assertNotMountedThere(source, target);
    assertInside(source, options);
    if (request.fake) return undefined;
    const { foreground } = request;
    const mounter = isRoot() ? kernelMounter : fusermountMounter;
    const journal = (need: NeedJournal): Promise<Source> => openJournal(need, options.helper.journal, !source.writable);
    const { userId: owner } = options.helper;
    if (owner !== undefined && !isRoot()) throw new MountError('PERMISSION', 'only root mounts for others (owner_uid)');
    return await mountOpened({ source, target, options, foreground, mounter, journal, ...(owner !== undefined && { owner }) }, environment);
  } finally {
    source.close();
  }
}

async function openFor({ source, options, passthrough = false }: MountRequest): Promise<Source> {
  if (passthrough) return openTree(source, options);
  if (options.helper.policy !== undefined) throw new MountError('BAD_OPTION', `option 'policy' is for directory trees`, 'they are mounted with -t passthrough');
  return openSource(source, { readOnly: options.flags.readOnly, exclusive: !(isRoot() && kernelClaims()) });
}

/** What the kernel refuses for its own filesystems too; readers do not lock each other out. */
function assertNotMountedThere({ name }: Source, { path }: MountPoint): void {
  const there = findMountOn(path);
  if (there === undefined || !isOurs(there) || there.source !== name) return;
  throw new MountError('SOURCE_BUSY', `${name} already mounted on ${path}`, `unmount it first: umount ${path}`);
}
