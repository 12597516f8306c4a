import { closeSync, writeSync } from 'node:fs';
import * as z from 'zod';
import { errorName, shim } from '../native/shim.js';
import { withShortName } from './status-listener.js';

/** What a server tells; more than this is passed on unread. */
const report = z.looseObject({ source: z.string(), target: z.string() });
export type ServerReport = z.infer<typeof report>;

const exitEvent = z.discriminatedUnion('ok', [
  z.object({ event: z.literal('exit'), ok: z.literal(true) }),
  z.object({ event: z.literal('exit'), ok: z.literal(false), error: z.string() }),
]);
export type ServerGoodbye = z.infer<typeof exitEvent>;

const LONGEST_LINE = 2 ** 20;

/** 'absent': there is no socket. 'dead': nobody listens on it any more. 'unreachable': we get no connection. */
export type NoConnection = 'absent' | 'dead' | 'unreachable';

/**
 * A connection to the status socket of a server: lines of JSON in both directions. Everything blocks,
 * for a few times `patience` milliseconds at most, however slowly the server talks. What comes from it is not
 * trusted.
 */
export class StatusConnection {
  readonly #descriptor: number;
  readonly #patience: number;
  #pending = Buffer.alloc(0);
  /** Of the server, as the kernel vouches for it; known from the first line on. */
  pid: number | undefined;

  private constructor(descriptor: number, patience: number) {
    this.#descriptor = descriptor;
    this.#patience = patience;
  }

  static open(path: string, patience: number): StatusConnection | NoConnection {
    let descriptor: number;
    try {
      descriptor = withShortName(path, (name) => shim.connectStream(name, patience));
    } catch {
      return 'absent';
    }
    if (descriptor >= 0) return new StatusConnection(descriptor, patience);
    if (errorName(descriptor) === 'ENOENT') return 'absent';
    return errorName(descriptor) === 'ECONNREFUSED' ? 'dead' : 'unreachable';
  }

  /** Undefined if the server does not answer in time, or not sensibly. */
  status(): ServerReport | undefined {
    return this.#ask({ request: 'status' });
  }

  /** Tells the server which options hold from now on, those that it can change. Undefined as for status(). */
  remounted(options: readonly string[]): ServerReport | undefined {
    return this.#ask({ request: 'remount', options });
  }

  #ask(request: object): ServerReport | undefined {
    try {
      writeSync(this.#descriptor, `${JSON.stringify(request)}\n`);
    } catch {
      return undefined;
    }
    const line = this.#line();
    return typeof line === 'object' ? parse(report, line.text) : undefined;
  }

  /**
   * Waits until the server has closed the connection, and returns its last words; undefined if it had
   * none. `stillWaiting` is asked again and again whether to go on.
   */
  goodbye(stillWaiting: () => boolean): ServerGoodbye | undefined | 'given up' {
    let last: ServerGoodbye | undefined;
    let asking = performance.now() + this.#patience;
    for (;;) {
      const line = this.#line();
      if (line === 'end') return last;
      if (line !== 'silence') last = parse(exitEvent, line.text) ?? last;
      // A server that talks without end is no better than one that is silent.
      if (line !== 'silence' && performance.now() < asking) continue;
      if (!stillWaiting()) return 'given up';
      asking = performance.now() + this.#patience;
    }
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  #line(): { readonly text: string } | 'silence' | 'end' {
    const buffer = new Uint8Array(65536);
    const about = new Uint8Array(8);
    const end = performance.now() + this.#patience;
    for (;;) {
      const newline = this.#pending.indexOf('\n');
      if (newline >= 0) {
        const text = this.#pending.toString('utf8', 0, newline);
        this.#pending = this.#pending.subarray(newline + 1);
        return { text };
      }
      if (performance.now() > end) return 'silence';
      const received = shim.receiveStream(this.#descriptor, buffer, about);
      if (errorName(received) === 'EAGAIN') return 'silence';
      if (errorName(received) === 'EINTR') continue;
      if (received <= 0 || this.#pending.length > LONGEST_LINE) return 'end';
      const [pid = 0, descriptor = -1] = new Int32Array(about.buffer);
      if (descriptor >= 0) closeSync(descriptor);
      if (pid > 0) this.pid = pid;
      this.#pending = Buffer.concat([this.#pending, buffer.subarray(0, received)]);
    }
  }
}

function parse<Shape extends z.ZodType>(schema: Shape, line: string): z.infer<Shape> | undefined {
  try {
    return schema.parse(JSON.parse(line));
  } catch {
    return undefined;
  }
}
