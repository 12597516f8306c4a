/**
 * The helper of a node: mounts what pods ask for, with the servers that wait in them. A pod has by it what it
 * could have by itself: the image is a file of its own volumes that its server's user may use, and the mount is
 * seen in its own emptyDir. docs/containers.md has the whole picture.
 */
import { spawn } from 'node:child_process';
import { closeSync, constants, openSync } from 'node:fs';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import * as z from 'zod';
import { MountError } from '../mount/errors.js';
import { isOurs, readMounts } from '../mount/mountinfo.js';
import { statusSocketOf } from '../mount/runtime.js';
import { pathOf, type Entry } from './entry.js';
import { accessFor, podsOf, type Pod } from './pod.js';
import { readRequest } from './request.js';
import { watchServer } from './watch-server.js';

export interface NodeAgentOptions {
  /** Where the kubelet keeps its pods. */
  readonly pods: string;
  /** Where the status sockets of mounts are. */
  readonly mounts: string;
  /** Program and first arguments of our own command: each mount has a process of its own, which no other waits for. */
  readonly command: readonly [string, ...string[]];
  readonly say: (message: string) => void;
}

const SCAN_MILLISECONDS = 500;
/** After a failure that the pod may mend without a new server, such as a missing image. */
const RETRY_MILLISECONDS = 10_000;
const UNMOUNT_RETRY_MILLISECONDS = 250;
/** So long may those who use the filesystem hold up an unmount; then it is detached, and goes with the last of them. */
const UNMOUNT_PATIENCE_MILLISECONDS = 5_000;

/** A server that was tried: it is not worth another look before then. */
interface Tried {
  readonly socket: string;
  readonly until: number;
}

interface MountedPod {
  readonly target: string;
  readonly device: string;
}

const mountResult = z.object({ result: z.object({ target: z.string(), device: z.string() }) });

export class NodeAgent {
  readonly #options: NodeAgentOptions;
  readonly #attended = new Set<string>();
  readonly #tried = new Map<string, Tried>();

  constructor(options: NodeAgentOptions) {
    this.#options = options;
  }

  /** Until it is told to go. Mounts stay: their servers need nobody, and the next agent takes them over. */
  async run(signal: AbortSignal): Promise<void> {
    this.#adopt();
    while (!signal.aborted) {
      this.#scan();
      await delay(SCAN_MILLISECONDS, undefined, { signal }).catch(() => undefined);
    }
  }

  /** What an agent before us has mounted. */
  #adopt(): void {
    const { pods, say } = this.#options;
    for (const mount of readMounts().filter(isOurs)) {
      if (!mount.target.startsWith(`${pods}/`)) continue;
      const [uid = ''] = mount.target.slice(pods.length + 1).split('/');
      say(`${uid}: ${mount.target} is mounted already`);
      this.#whileAttended(uid, () => this.#attend(uid, mount));
    }
  }

  #scan(): void {
    const pods = podsOf(this.#options.pods);
    for (const pod of pods) if (!this.#attended.has(pod.uid)) this.#look(pod);
    const present = new Set(pods.map(({ uid }) => uid));
    for (const uid of this.#tried.keys()) if (!present.has(uid)) this.#tried.delete(uid);
  }

  #look(pod: Pod): void {
    const request = pod.requestFile;
    const socket = request === undefined ? undefined : pod.openSocket();
    if (request === undefined || socket === undefined) return;
    const identity = `${socket.stats.ino} ${socket.stats.ctimeMs}`;
    const tried = this.#tried.get(pod.uid);
    if (tried?.socket === identity && performance.now() < tried.until) return socket.close();
    this.#whileAttended(pod.uid, async () => {
      this.#tried.set(pod.uid, { socket: identity, until: performance.now() + RETRY_MILLISECONDS });
      const mounted = await this.#mount(pod, request, socket).finally(socket.close);
      // A server serves one mount.
      this.#tried.set(pod.uid, { socket: identity, until: Infinity });
      this.#options.say(`${pod.uid}: mounted on ${mounted.target}`);
      await this.#attend(pod.uid, mounted);
    });
  }

  #whileAttended(uid: string, act: () => Promise<void>): void {
    this.#attended.add(uid);
    void act()
      .catch((error: unknown) => this.#options.say(`${uid}: ${error instanceof Error ? error.message : String(error)}`))
      .finally(() => this.#attended.delete(uid));
  }

  async #mount(pod: Pod, requestFile: string, socket: Entry): Promise<MountedPod> {
    const request = readRequest(requestFile);
    const held: Entry[] = [];
    let image: number | undefined;
    try {
      const file = pod.openImage(request.image);
      held.push(file);
      image = openImage(file, socket);
      const target = pod.openTarget(request.volume);
      held.push(target);
      const options = [...request.options, 'nosuid', 'nodev', 'server=/proc/self/fd/5'].join(',');
      const words = ['mount', '--json', 'fd:3', '/proc/self/fd/4', '-o', options];
      const starting = this.#fuse4fs(words, [image, target.descriptor, socket.descriptor]);
      // The lock on the image must end with its server: the child has its own copy by now.
      closeSync(image);
      image = undefined;
      const { stdout, complaint } = await starting;
      if (complaint !== undefined) throw new MountError('SERVER_FAILED', complaint);
      return mountResult.parse(JSON.parse(stdout)).result;
    } finally {
      for (const entry of held) entry.close();
      if (image !== undefined) closeSync(image);
    }
  }

  /** Returns when the filesystem is not mounted any more. */
  async #attend(uid: string, { target, device }: MountedPod): Promise<void> {
    const server = watchServer(statusSocketOf(this.#options.mounts, device));
    if ((await Promise.race([server.stopping, server.ended])) === 'stopping') {
      await this.#unmount(target);
      await server.ended;
    }
    if (isMounted(device)) {
      this.#options.say(`${uid}: its server is gone: ${target} is unmounted`);
      await this.#fuse4fs(['umount', '--lazy', target]);
    } else {
      this.#options.say(`${uid}: unmounted`);
    }
  }

  async #unmount(target: string): Promise<void> {
    const deadline = performance.now() + UNMOUNT_PATIENCE_MILLISECONDS;
    while (performance.now() < deadline) {
      if ((await this.#fuse4fs(['umount', target])).complaint === undefined) return;
      await delay(UNMOUNT_RETRY_MILLISECONDS);
    }
    await this.#fuse4fs(['umount', '--lazy', target]);
  }

  async #fuse4fs(words: readonly string[], descriptors: readonly number[] = []): Promise<{ stdout: string; complaint: string | undefined }> {
    const [program, ...first] = this.#options.command;
    const child = spawn(program, [...first, ...words], { stdio: ['ignore', 'pipe', 'pipe', ...descriptors] });
    const [stdout, stderr, [status]] = await Promise.all([
      text(child.stdout as Readable),
      text(child.stderr as Readable),
      once(child, 'close') as Promise<[number | null]>,
    ]);
    return { stdout, complaint: status === 0 ? undefined : stderr.trim() || stdout.trim() || 'it was killed' };
  }
}

const isMounted = (device: string): boolean => readMounts().some((mount) => mount.device === device);

/** As the user of the server could open it, who is the owner of its socket. */
function openImage(file: Entry, { stats: owner }: Entry): number {
  const access = accessFor(owner, file.stats);
  if (access === undefined) throw new MountError('SOURCE_NOT_USABLE', `the user ${owner.uid} of the server may not read the image`);
  return openSync(pathOf(file), (access === 'write' ? constants.O_RDWR : constants.O_RDONLY) | constants.O_NOCTTY);
}
