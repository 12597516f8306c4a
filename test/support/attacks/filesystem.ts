/** A filesystem of one file: what an attacker could do who runs code of his own where ext4 runs, after INIT. */
import { fstatSync, type Stats } from 'node:fs';
import { BroadcastChannel, receiveMessageOnPort, type MessagePort } from 'node:worker_threads';
import { writeAttrOut, writeEntryOut, type Attributes } from '../../../protocol/fuse/attributes.js';
import { readOffset, readSize } from '../../../protocol/fuse/requests.js';
import type { FilesystemModule, FilesystemSource, MountedFilesystem } from '../../../server/session/filesystem.js';
import type { Surroundings } from './attempts.js';
import { attack } from './attack.js';
import { ORDERS, REPORT, type Verdict } from './verdict.js';

const ENOENT = 2;
const ROOT = 1;
const FILE = 2;
/** /dev/fuse: character device 10:229. */
const FUSE = (10 << 8) | 229;
const MOST_OTHERS = 400;
const MOST_DESCRIPTORS = 64;

export const openFilesystem: FilesystemModule['openFilesystem'] = (source): MountedFilesystem => {
  let report = new Uint8Array();
  const attributes = (inode: number): Attributes => ({
    inode, size: inode === FILE ? report.length : 4096, blocks: 8, atime: 0, mtime: 0, ctime: 0, atimeNanoseconds: 0, mtimeNanoseconds: 0,
    ctimeNanoseconds: 0, mode: inode === FILE ? 0o100444 : 0o40755, links: 1, uid: 0, gid: 0, deviceNumber: 0, blockSize: 4096,
  });
  return {
    facts: { blockSize: 4096, rootMode: 0o40755, readOnly: !source.writable, kernelOptions: [], label: '', uuid: '', warnings: [] },
    operations: {
      LOOKUP: ({ bytes, nameOffset, nameLength }, reply) => {
        if (new TextDecoder().decode(bytes.subarray(nameOffset, nameOffset + nameLength)) !== REPORT) return -ENOENT;
        if (report.length === 0) report = new TextEncoder().encode(JSON.stringify(attackEverywhere(surroundingsOf(source))));
        return writeEntryOut(reply.view, reply.body, FILE, 0, attributes(FILE));
      },
      GETATTR: ({ nodeid }, reply) => writeAttrOut(reply.view, reply.body, attributes(nodeid === ROOT ? ROOT : FILE)),
      READ: ({ view, bodyOffset }, reply) => {
        const from = readOffset(view, bodyOffset);
        const part = report.subarray(from, from + Math.min(readSize(view, bodyOffset), reply.capacity));
        reply.bytes.set(part, reply.body);
        return part.length;
      },
      READDIR: () => 0,
      READDIRPLUS: () => 0,
    },
    close: () => undefined,
  };
};

/** The main thread first: what is tried only here may take all that there is. */
function attackEverywhere(surroundings: Surroundings): Verdict[] {
  const orders = new BroadcastChannel(ORDERS);
  orders.postMessage(surroundings);
  const sleeping = new Int32Array(new SharedArrayBuffer(4));
  let answer: { readonly message: Verdict[] } | undefined;
  while (answer === undefined) {
    Atomics.wait(sleeping, 0, 0, 5);
    answer = receiveMessageOnPort(orders as unknown as MessagePort) as typeof answer;
  }
  orders.close();
  return [...answer.message, ...attack('filesystem', surroundings)];
}

function surroundingsOf({ descriptor, writable }: FilesystemSource): Surroundings {
  const everyone = [process.ppid, ...Array.from({ length: MOST_OTHERS }, (_, index) => index + 1)];
  return { device: descriptor, fuse: fuseDescriptor(), writable, others: everyone.filter((pid) => pid > 0 && pid !== process.pid) };
}

function fuseDescriptor(): number {
  for (let fd = 0; fd < MOST_DESCRIPTORS; fd++) {
    const stats = statsOf(fd);
    if (stats?.isCharacterDevice() === true && stats.rdev === FUSE) return fd;
  }
  throw new Error('no descriptor of /dev/fuse');
}

function statsOf(fd: number): Stats | undefined {
  try {
    return fstatSync(fd);
  } catch {
    return undefined;
  }
}
