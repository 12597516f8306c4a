/**
 * Mounts a filesystem that is a service of libfuse's: connects to its socket, and does what it asks for,
 * as far as the caller's words permit.
 */
import { closeSync } from 'node:fs';
import { constants } from 'node:os';
import { encodeArguments } from '../../protocol/libfuse/argument-list.js';
import { LibfuseError } from '../../protocol/libfuse/errors.js';
import { HelperEnd, type MountDuties } from '../../protocol/libfuse/helper-end.js';
import type { OpenPacket } from '../../protocol/libfuse/packets.js';
import { closeDescriptors } from '../../protocol/seqpacket/descriptors.js';
import { prepareMount, type PreparedMount } from '../mount/attach.js';
import { exitStatus, MountError } from '../mount/errors.js';
import { openFuse } from '../mount/fuse-device.js';
import { isInInitialUserNamespace, isRoot } from '../mount/identity.js';
import { splitWords } from '../mount/options.js';
import { errorText, shim } from '../native/shim.js';
import { NO_OPTIONS, readKernelOptions, type KernelOptions } from './kernel-options.js';
import { readMountFlags, restrictFlags } from './mount-flags.js';
import { PermittedFiles, type Complain } from './permitted-files.js';
import { connect, type Service } from './service-socket.js';
import { openTarget, type Target } from './target.js';

export interface ServiceMountRequest {
  readonly service: Service;
  /** Not every filesystem has one. */
  readonly source: string | undefined;
  readonly target: string;
  /** What follows each -o. */
  readonly options: readonly string[];
}

export interface ServiceMountEnvironment {
  /** Told why something that the service asked for was refused. */
  readonly complain: Complain;
  /** A signal ends this process, and undoes what else would stay behind. */
  readonly interruptible: boolean;
}

export interface ServiceMountResult {
  readonly source: string;
  readonly target: string;
  readonly device: string;
}

const { EBUSY, EINVAL } = constants.errno;

/** Mounts, or throws a MountError and leaves no mount behind. */
export function mountService(request: ServiceMountRequest, { complain, interruptible }: ServiceMountEnvironment): ServiceMountResult {
  if (!isRoot()) throw new MountError('PERMISSION', 'only root can mount a service', 'unprivileged callers have mount.fuse3');
  const channel = connect(request.service);
  const fuse = openFuse();
  const attempt = new Attempt(request, fuse, complain, interruptible);
  try {
    const end = HelperEnd.start(channel, { allowOther: true, fuseblk: isInInitialUserNamespace() });
    pushArguments(end, request, fuse);
    const exitCode = end.serve(attempt);
    if (exitCode !== 0) throw new MountError('SERVER_FAILED', `the service ended with status ${exitCode}${attempt.because}`, 'its log says why');
    return attempt.finish();
  } catch (error) {
    attempt.discard();
    throw error instanceof LibfuseError ? explain(error, attempt) : error;
  } finally {
    channel.close();
    attempt.close();
    closeSync(fuse);
    if (interruptible) shim.exitWhenInterrupted(0, '', '');
  }
}

function pushArguments(end: HelperEnd, { service, source, target, options }: ServiceMountRequest, fuse: number): void {
  const words = [service.name, ...(source === undefined ? [] : [source]), target, ...options.flatMap((list) => ['-o', list])];
  const file = shim.sealedFile('fuse service argv', encodeArguments(words));
  if (file < 0) throw new MountError('SYSTEM', `cannot make a file in memory: ${errorText(file)}`);
  try {
    end.push(file, fuse);
  } finally {
    closeDescriptors([file]);
  }
}

function explain(error: LibfuseError, { because }: Attempt): MountError {
  if (error.code === 'CLOSED') return new MountError('SERVER_FAILED', `the service ended before the mount was complete${because}`, 'its log says why', 'CLOSED');
  if (error.code === 'TIMEOUT') return new MountError('SERVER_FAILED', 'the service did not answer in time', '', 'TIMEOUT');
  return new MountError('SERVER_FAILED', error.message, '', error.code);
}

/** What the service has said about its mount so far. Nothing happens before the request to mount, and then all of it. */
class Attempt implements MountDuties {
  readonly #request: ServiceMountRequest;
  readonly #fuse: number;
  readonly #files: PermittedFiles;
  readonly #words: readonly string[];
  readonly #complain: Complain;
  readonly #interruptible: boolean;
  #source = '';
  #target: Target | undefined;
  #options: KernelOptions = NO_OPTIONS;
  #mounted: PreparedMount | undefined;
  #refused = '';

  constructor(request: ServiceMountRequest, fuse: number, complain: Complain, interruptible: boolean) {
    this.#request = request;
    this.#fuse = fuse;
    this.#complain = complain;
    this.#interruptible = interruptible;
    this.#words = request.options.flatMap(splitWords);
    this.#files = new PermittedFiles(request.source, this.#words, complain);
    if (interruptible) shim.exitWhenInterrupted(exitStatus.interrupted, '', '');
  }

  /** The last refusal, to be put behind a sentence. */
  get because(): string {
    return this.#refused === '' ? '' : ` (${this.#refused})`;
  }

  open(request: OpenPacket): number {
    const result = this.#files.open(request);
    if (result < 0) this.#refused = `${request.path} was not opened for it: ${errorText(result)}`;
    return result;
  }

  source(text: string): number {
    this.#source = text;
    return 0;
  }

  mountPoint(path: string, expectedFormat: number): number {
    if (path !== this.#request.target) return this.#refuse(-EINVAL, `${path} is not the mount point that was named`);
    const target = openTarget(path, expectedFormat);
    if (typeof target === 'number') return this.#refuse(target, `cannot mount on ${path}: ${errorText(target)}`);
    this.#target = target;
    return 0;
  }

  options(list: string): number {
    const options = readKernelOptions(list);
    if (options === undefined) return this.#refuse(-EINVAL, `the options ${list} are not a service's to say`);
    this.#options = options;
    return 0;
  }

  /** There is no mount table any more but the kernel's. */
  tableOptions(): number {
    return 0;
  }

  mount(bits: number, fuseblk: boolean): number {
    const flags = readMountFlags(bits);
    if (flags === undefined) return this.#refuse(-EINVAL, `the flags 0x${bits.toString(16)} ask for more than a mount`);
    const target = this.#target;
    if (target === undefined || (this.#options.blockSize !== undefined && !fuseblk)) return -EINVAL;
    // The kernel opens it, with all rights.
    if (fuseblk && this.#source !== this.#request.source) return this.#refuse(-EINVAL, `${this.#source} is not the device that was named`);
    if (this.#mounted !== undefined) return -EBUSY;
    const { allowOther, defaultPermissions, maxRead, blockSize, contexts, synchronous, dirSync } = this.#options;
    try {
      const prepared = prepareMount(
        {
          type: fuseblk ? 'fuseblk' : 'fuse',
          source: this.#source,
          device: undefined,
          subtype: this.#request.service.name,
          fuseDescriptor: this.#fuse,
          rootMode: target.format,
          userId: process.getuid?.() ?? 0,
          groupId: process.getgid?.() ?? 0,
          allowOther,
          defaultPermissions,
          maxRead,
          rootNodeid: undefined,
          blockSize,
          flags: restrictFlags({ ...flags, synchronous: flags.synchronous || synchronous, dirSync: flags.dirSync || dirSync }, this.#words),
          contexts,
        },
        target,
      );
      this.#attach(prepared);
      return 0;
    } catch (error) {
      if (!(error instanceof MountError)) throw error;
      return this.#refuse(-(error.errno ?? EINVAL), error.message);
    }
  }

  #attach(prepared: PreparedMount): void {
    try {
      prepared.attach();
    } catch (error) {
      prepared.discard();
      throw error;
    }
    this.#mounted = prepared;
    if (this.#interruptible) shim.exitWhenInterrupted(exitStatus.interrupted, '', prepared.visibleAt ?? '');
  }

  #refuse(result: number, why: string): number {
    this.#refused = why;
    this.#complain(why);
    return result;
  }

  /** The service has said that all is well. */
  finish(): ServiceMountResult {
    const { device } = this.#mounted ?? notMounted();
    return { source: this.#source, target: this.#target?.path ?? '', device: `${device.major}:${device.minor}` };
  }

  /** Nobody serves the mount: it goes, whatever may have been put on its path since. */
  discard(): void {
    this.#mounted?.discard();
    this.#mounted = undefined;
  }

  close(): void {
    this.#mounted?.close();
    this.#target?.close();
  }
}

function notMounted(): never {
  throw new MountError('SERVER_FAILED', 'the service said goodbye and did not mount');
}
