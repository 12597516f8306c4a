import { mkdirSync, statSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { MountError } from '../mount/errors.js';
import { openDirectory, openEntry, pathOf, type Entry } from './entry.js';
import { namesIn } from '../mount/names-in.js';

/** Names of volumes, the same in every pod. */
const SOCKET_VOLUME = 'fuse4fs';
const REQUEST_VOLUME = 'fuse4fs-request';
const SOCKET = 'server.sock';
const REQUEST = 'mount.json';
/** In the volume that the application has: mounted on the volume itself, it would not be seen by containers that run. */
const MOUNT_DIRECTORY = 'mount';

/** Plugins of the kubelet whose volumes hold no images: the kubelet writes them. */
const WITHOUT_IMAGES = new Set(['kubernetes.io~downward-api', 'kubernetes.io~configmap', 'kubernetes.io~secret', 'kubernetes.io~projected']);

/** A pod as the kubelet lays it out in /var/lib/kubelet/pods/UID. */
export class Pod {
  readonly uid: string;
  readonly #volumes: string;

  constructor(pods: string, uid: string) {
    this.uid = uid;
    this.#volumes = join(pods, uid, 'volumes');
  }

  /** The request, if it has one that says what is to be mounted. */
  get requestFile(): string | undefined {
    const path = join(this.#volumes, 'kubernetes.io~downward-api', REQUEST_VOLUME, REQUEST);
    return statSync(path, { throwIfNoEntry: false })?.isFile() ? path : undefined;
  }

  /** Where its server waits, if there is one. */
  openSocket(): Entry | undefined {
    return using(openDirectory(this.#emptyDirectory(SOCKET_VOLUME)), (directory) => accept(openEntry(directory, SOCKET), ({ stats }) => stats.isSocket()));
  }

  /** The directory to mount on, in one of its empty directories; made if it is not there. */
  openTarget(volume: string): Entry {
    const found = using(openDirectory(this.#emptyDirectory(volume)), (directory) => {
      makeDirectory(`${pathOf(directory)}/${MOUNT_DIRECTORY}`);
      return accept(openEntry(directory, MOUNT_DIRECTORY), ({ stats }) => stats.isDirectory());
    });
    if (found === undefined) throw new MountError('BAD_MOUNT_POINT', `the pod has no emptyDir ${volume} with a directory ${MOUNT_DIRECTORY}`);
    return found;
  }

  /** The one file of that name in the roots of its volumes. */
  openImage(name: string): Entry {
    const found = this.#roots().flatMap((root) => using(openDirectory(root), (directory) => accept(openEntry(directory, name), ({ stats }) => stats.isFile())) ?? []);
    const [image, ...more] = found;
    for (const { close } of more) close();
    if (image === undefined) throw new MountError('SOURCE_NOT_FOUND', `none of the pod's volumes has a file ${name}`);
    if (more.length === 0) return image;
    image.close();
    throw new MountError('SOURCE_NOT_USABLE', `more than one of the pod's volumes has a file ${name}`);
  }

  #emptyDirectory(volume: string): string {
    return join(this.#volumes, 'kubernetes.io~empty-dir', volume);
  }

  /** CSI volumes are mounted one level deeper. */
  #roots(): string[] {
    const plugins = namesIn(this.#volumes).filter((plugin) => !WITHOUT_IMAGES.has(plugin));
    return plugins.flatMap((plugin) =>
      namesIn(join(this.#volumes, plugin)).map((volume) => join(this.#volumes, plugin, volume, plugin === 'kubernetes.io~csi' ? 'mount' : '')),
    );
  }
}

/** How the owner of a socket may open a file: the helper, who may do anything, does no more for it. */
export function accessFor({ uid, gid }: Stats, file: Stats): 'write' | 'read' | undefined {
  const shift = file.uid === uid ? 6 : file.gid === gid ? 3 : 0;
  const bits = (file.mode >> shift) & 7;
  if ((bits & 4) === 0) return undefined;
  return (bits & 2) === 0 ? 'read' : 'write';
}

export const podsOf = (directory: string): Pod[] => namesIn(directory).map((uid) => new Pod(directory, uid));

function using<Result>(entry: Entry | undefined, use: (entry: Entry) => Result): Result | undefined {
  if (entry === undefined) return undefined;
  try {
    return use(entry);
  } finally {
    entry.close();
  }
}

function accept(entry: Entry | undefined, isWanted: (entry: Entry) => boolean): Entry | undefined {
  if (entry === undefined || isWanted(entry)) return entry;
  entry.close();
  return undefined;
}

/** Whatever else has that name stays as it is. */
function makeDirectory(path: string): void {
  try {
    mkdirSync(path);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
}
