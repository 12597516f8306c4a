/** A filesystem of one file: what an attacker could do who runs code of his own where ext4 runs, after INIT. */
import { BroadcastChannel, receiveMessageOnPort, type MessagePort } from 'node:worker_threads';
import { writeAttrOut, writeEntryOut, type Attributes } from '../../../protocol/fuse/attributes.js';
import { readOffset, readSize } from '../../../protocol/fuse/requests.js';
import type { FilesystemModule, FilesystemSource, MountedFilesystem } from '../../../server/session/filesystem.js';
import type { Surroundings } from './attempts.js';
import { attack } from './attack.js';
import { systemCall } from './system-calls.js';
import { ORDERS, REPORT, type Verdict } from './verdict.js';

const ENOENT = 2;
const ROOT = 1;
const FILE = 2;
/** /dev/fuse: character device 10:229. */
const FUSE = (10 << 8) | 229;
/** Of st_rdev in the kernel's struct stat, in bytes. */
const RDEV_IN_STAT = process.arch === 'x64' ? 40 : 32;
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

/** Node's fstat would ask by calls that are refused by now. */
function fuseDescriptor(): number {
  const status = new Uint8Array(256);
  const view = new DataView(status.buffer);
  for (let fd = 0; fd < MOST_DESCRIPTORS; fd++) {
    if (systemCall('fstat', fd, status) >= 0 && view.getUint32(RDEV_IN_STAT, true) === FUSE) return fd;
  }
  throw new Error('no descriptor of /dev/fuse');
}
