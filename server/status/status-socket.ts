import { createServer, type Server, type Socket } from 'node:net';
import { setImmediate as turn } from 'node:timers/promises';
import { log } from '../log.js';
import type { ExitEvent, StatusReport, StoppingEvent } from './report.js';

const MOST_CONNECTIONS = 64;
const LONGEST_REQUEST = 1024;
/** A reader that takes nothing for so long is not waited for at the end. */
const FAREWELL_MILLISECONDS = 1_000;

/**
 * Newline-delimited JSON on a listening socket that the helper passed: {"request":"status"} is answered
 * by a StatusReport, {"request":"remount","options":[…]} too, once it is passed on, {"request":"watch"} too, with
 * a StoppingEvent later, and every connection that is still open at the end hears an ExitEvent. So whoever
 * unmounts can wait for the server to have closed its device.
 */
export class StatusSocket {
  readonly #server: Server;
  readonly #connections = new Set<Socket>();
  readonly #watchers = new Set<Socket>();
  #stopping = false;
  readonly #report: () => StatusReport;
  readonly #remount: (options: readonly string[]) => void;

  /** @param remount told which options hold from now on */
  constructor(descriptor: number, report: () => StatusReport, remount: (options: readonly string[]) => void) {
    this.#report = report;
    this.#remount = remount;
    this.#server = createServer((connection) => this.#accept(connection));
    this.#server.maxConnections = MOST_CONNECTIONS;
    this.#server.on('error', (error) => log('warning', `the status socket failed: ${error.message}`));
    this.#server.listen({ fd: descriptor });
  }

  /** Tells those who watch that the server was told to stop. */
  stopping(): void {
    this.#stopping = true;
    for (const connection of this.#watchers) writeEvent(connection, { event: 'stopping' });
  }

  /** Says goodbye on every connection, and returns when that was sent or nobody took it. */
  async end(event: ExitEvent): Promise<void> {
    // Whoever connected before the end counts as connected, although this thread was too busy to take the call:
    // the first turn ends the events that are being handled, in the second those are taken that wait.
    await turn();
    await turn();
    this.#server.close();
    const line = `${JSON.stringify(event)}\n`;
    await Promise.all([...this.#connections].map((connection) => farewell(connection, line)));
  }

  #accept(connection: Socket): void {
    this.#connections.add(connection);
    connection.on('close', () => {
      this.#connections.delete(connection);
      this.#watchers.delete(connection);
    });
    connection.on('error', () => connection.destroy());
    connection.setEncoding('utf8');
    let pending = '';
    connection.on('data', (chunk: string) => {
      const lines = (pending + chunk).split('\n');
      pending = lines.pop() ?? '';
      for (const line of lines) connection.write(`${JSON.stringify(this.#answer(line, connection))}\n`);
      // A peer that never ends its line, or never takes an answer, costs no more than this.
      if (pending.length > LONGEST_REQUEST || connection.writableLength > 2 ** 20) connection.destroy();
    });
  }

  #answer(line: string, connection: Socket): StatusReport | { readonly error: string } {
    try {
      const { request, options } = JSON.parse(line) as { readonly request?: unknown; readonly options?: unknown };
      if (request === 'remount' && isListOfWords(options)) this.#remount(options);
      else if (request === 'watch') this.#watch(connection);
      else if (request !== 'status') return { error: 'unknown request' };
      return this.#report();
    } catch {
      return { error: 'not a request' };
    }
  }

  #watch(connection: Socket): void {
    this.#watchers.add(connection);
    // After the answer that is being written.
    if (this.#stopping) setImmediate(() => writeEvent(connection, { event: 'stopping' }));
  }
}

const writeEvent = (connection: Socket, event: StoppingEvent): void => void connection.write(`${JSON.stringify(event)}\n`);

const isListOfWords = (value: unknown): value is string[] => Array.isArray(value) && value.every((word) => typeof word === 'string');

function farewell(connection: Socket, line: string): Promise<void> {
  return new Promise((resolve) => {
    const timeout = setTimeout(() => connection.destroy(), FAREWELL_MILLISECONDS);
    connection.once('close', () => {
      clearTimeout(timeout);
      resolve();
    });
    connection.end(line, () => connection.destroy());
  });
}
