/** The kernel's end of a FUSE session, without a kernel: makes requests, takes replies apart. */
import { InitFlag, toWords, type InitFlagName } from '../../protocol/fuse/init-flags.js';
import { Opcode, type OpcodeName } from '../../protocol/fuse/opcodes.js';
import { Counters } from '../../server/session/counters.js';
import type { MountedFilesystem, MountFacts } from '../../server/session/filesystem.js';
import type { OperationTable } from '../../server/session/handler.js';
import { Session } from '../../server/session/session.js';

const text = new TextEncoder();

export interface Answer {
  /** 0 or a negative errno. */
  readonly error: number;
  readonly body: DataView;
  readonly bytes: Uint8Array;
  readonly uniqueLow: number;
  readonly uniqueHigh: number;
}

export interface Failure {
  readonly opcode: OpcodeName;
  readonly error: unknown;
}

/** Little-endian fields one after another: [size in bytes, value]. */
export function pack(...fields: readonly (readonly [1 | 2 | 4 | 8, number])[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(fields.reduce((sum, [size]) => sum + size, 0)));
  let at = 0;
  for (const [size, value] of fields) {
    if (size === 1) view.setUint8(at, value);
    else if (size === 2) view.setUint16(at, value, true);
    else if (size === 4) view.setUint32(at, value, true);
    else view.setBigInt64(at, BigInt(value), true);
    at += size;
  }
  return new Uint8Array(view.buffer);
}

export const join = (...parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts));

export const cString = (name: string): Uint8Array => text.encode(`${name}\0`);

export function request(opcode: number, nodeid: number, body: Uint8Array, unique = [2, 0] as readonly [number, number]): Uint8Array {
  const header = pack([4, 40 + body.length], [4, opcode], [4, unique[0]], [4, unique[1]], [8, nodeid], [4, 1000], [4, 100], [4, 42], [2, 0], [2, 0]);
  return join(header, body);
}

/** What Linux 6.18 offers on /dev/fuse. */
export const offeredByLinux = (Object.keys(InitFlag) as InitFlagName[]).filter(
  (name) => !['MAP_ALIGNMENT', 'SUBMOUNTS', 'HAS_INODE_DAX', 'PASSTHROUGH', 'OVER_IO_URING', 'IOMAP'].includes(name),
);

export function initBody(offered: readonly InitFlagName[], major = 7, minor = 45): Uint8Array {
  const { flags, flags2 } = toWords(offered);
  return join(pack([4, major], [4, minor], [4, 131072], [4, flags], [4, flags2]), new Uint8Array(44));
}

export const readOnlyFacts: MountFacts = {
  blockSize: 4096,
  rootMode: 0o40755,
  readOnly: true,
  kernelOptions: [],
  label: '',
  uuid: '',
  warnings: [],
};

/** A filesystem of nothing but the given answers. */
export function filesystemOf(operations: OperationTable, facts: Partial<MountFacts> = {}): MountedFilesystem & { closed: number } {
  return {
    facts: { ...readOnlyFacts, ...facts },
    operations,
    closed: 0,
    close() {
      this.closed++;
    },
  };
}

export class FuseCaller {
  readonly session: Session;
  readonly counters = new Counters();
  readonly failures: Failure[] = [];

  constructor(filesystem: MountedFilesystem, maximumPages = 32) {
    const failed = (opcode: OpcodeName, _: number, error: unknown): void => void this.failures.push({ opcode, error });
    this.session = new Session({ filesystem, maximumPages, counters: this.counters, failed });
  }

  /** Sends bytes as they are. @returns undefined if nothing is to be replied */
  send(bytes: Uint8Array): Answer | undefined {
    const { request, reply } = this.session;
    // What lies behind the request must not matter.
    request.bytes.fill(0x2f, request.start);
    request.bytes.set(bytes, request.start);
    const length = this.session.handle(bytes.length);
    if (length === 0) return undefined;
    const sent = reply.bytes.slice(reply.start, reply.start + length);
    const header = new DataView(sent.buffer);
    if (length < 16 || header.getUint32(0, true) !== length) throw new Error(`a reply of ${length} bytes says ${header.getUint32(0, true)}`);
    return {
      error: header.getInt32(4, true),
      uniqueLow: header.getUint32(8, true),
      uniqueHigh: header.getUint32(12, true),
      body: new DataView(sent.buffer, 16),
      bytes: sent.subarray(16),
    };
  }

  ask(opcode: OpcodeName, nodeid: number, ...body: readonly Uint8Array[]): Answer {
    const answer = this.send(request(Opcode[opcode], nodeid, join(...body)));
    if (answer === undefined) throw new Error(`${opcode} was not answered`);
    return answer;
  }

  initialise(): this {
    const { error } = this.ask('INIT', 0, initBody(offeredByLinux));
    if (error !== 0) throw new Error(`INIT was answered ${error}`);
    return this;
  }
}
