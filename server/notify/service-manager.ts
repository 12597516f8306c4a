import type { Socket } from 'unix-dgram';
import { log } from '../log.js';

/** What sd_notify(3) tells the service manager. */
export interface ServiceManager {
  ready(status: string): void;
  status(status: string): void;
  stopping(status: string): void;
  /** The service is alive. To be called at least this often; undefined: the manager does not watch. */
  alive(): void;
  readonly watchdogMilliseconds: number | undefined;
  close(): void;
}

const NOBODY: ServiceManager = {
  ready: () => undefined,
  status: () => undefined,
  stopping: () => undefined,
  alive: () => undefined,
  watchdogMilliseconds: undefined,
  close: () => undefined,
};

/**
 * The manager that started this process, by $NOTIFY_SOCKET and $WATCHDOG_USEC. The datagrams are sent
 * directly: inside the container there is no systemd-notify binary, and none is needed.
 */
export async function serviceManager(environment: NodeJS.ProcessEnv): Promise<ServiceManager> {
  const path = environment['NOTIFY_SOCKET'];
  if (path === undefined || path === '') return NOBODY;
  if (!path.startsWith('/')) {
    log('warning', `$NOTIFY_SOCKET is ${path}: only paths are supported, the service manager is not told anything`);
    return NOBODY;
  }
  try {
    const { default: unixDgram } = await import('unix-dgram');
    return new NotifySocket(unixDgram.createSocket('unix_dgram'), path, watchdogInterval(environment));
  } catch (error) {
    log('warning', `the service manager is not told anything: ${(error as Error).message}`);
    return NOBODY;
  }
}

class NotifySocket implements ServiceManager {
  readonly watchdogMilliseconds: number | undefined;
  readonly #socket: Socket;
  readonly #path: string;

  constructor(socket: Socket, path: string, watchdogMilliseconds: number | undefined) {
    this.#socket = socket;
    this.#path = path;
    this.watchdogMilliseconds = watchdogMilliseconds;
  }

  ready(status: string): void {
    this.#send(`READY=1\nSTATUS=${oneLine(status)}`);
  }

  status(status: string): void {
    this.#send(`STATUS=${oneLine(status)}`);
  }

  stopping(status: string): void {
    this.#send(`STOPPING=1\nSTATUS=${oneLine(status)}`);
  }

  alive(): void {
    this.#send('WATCHDOG=1');
  }

  close(): void {
    this.#socket.close();
  }

  #send(state: string): void {
    const bytes = Buffer.from(state);
    this.#socket.send(bytes, 0, bytes.length, this.#path, (error) => {
      if (error !== undefined) log('warning', `telling the service manager failed: ${error.message}`);
    });
  }
}

/** A name with a newline must not become another assignment. */
const oneLine = (text: string): string => text.replace(/[\u0000-\u001f\u007f]/gu, ' ');

/** Half of what the manager allows, as sd_watchdog_enabled(3) advises. */
function watchdogInterval({ WATCHDOG_USEC, WATCHDOG_PID }: NodeJS.ProcessEnv): number | undefined {
  const microseconds = Number(WATCHDOG_USEC);
  const watched = WATCHDOG_PID === undefined || Number(WATCHDOG_PID) === process.pid;
  return watched && Number.isSafeInteger(microseconds) && microseconds > 0 ? microseconds / 2000 : undefined;
}
