import { fstat } from 'node:fs';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { confine, confineFromTree } from './confinement/confine.js';
import type { Confinement } from './confinement/confinement.js';
import { listenForHelper } from './listening-socket.js';
import { log } from './log.js';
import { serviceManager, type ServiceManager } from './notify/service-manager.js';
import { Counters } from './session/counters.js';
import { ThreadControl } from './session/thread-control.js';
import { MOST_GAUGES, type MainMessage, type ThreadEnd, type ThreadMessage, type ThreadStart } from './session/thread-messages.js';
import { writeBack } from './session/writeback.js';
import { ResidentMemory } from './status/resident-memory.js';
import { StatusSocket } from './status/status-socket.js';
import type { ExitEvent, StatusReport } from './status/report.js';
import type { WayIn } from './way-in.js';

export interface ServeOptions {
  readonly way: WayIn;
  /** What the filesystem thread runs: a module that calls serveFilesystem. */
  readonly thread: URL;
  /** It serves a directory tree. */
  readonly tree?: boolean;
}

/**
 * One mount, from the handshake to its end. The filesystem lives in a thread of its own, which
 * blocks; this one stays free for signals, the service manager and status requests.
 * @returns the exit code
 */
export async function serve({ way, thread, tree = false }: ServeOptions): Promise<number> {
  // The last socket of its own: none can be made from here on.
  const manager = await serviceManager(process.env);
  // The first process of a container is not ended by a signal that it does not listen to.
  if (typeof way !== 'number') for (const signal of STOP_SIGNALS) process.on(signal, leave);
  const entrance = typeof way === 'number' ? { socket: way, listening: false } : { socket: listenForHelper(way.listenOn), listening: true };
  const memory = ResidentMemory.open();
  const confinement = confine(process.env, tree);
  // Node's pool of threads: none can be started once the mount is served.
  const startPool = (): Promise<unknown> => promisify(fstat)(entrance.socket);
  if (!tree) await startPool();
  const server = new Server(manager, entrance, thread, confinement, memory);
  if (tree) {
    // The thread that serves has been started: what these walls keep from the files are all others.
    confineFromTree(confinement);
    void startPool();
  }
  for (const signal of STOP_SIGNALS) process.off(signal, leave);
  return server.ended;
}

const STOP_SIGNALS = ['SIGTERM', 'SIGINT'] as const;

/** Nobody has come yet. */
const leave = (): never => process.exit(0);

/** A connection to the helper, or a socket to which it will connect. */
type Entrance = Pick<ThreadStart, 'socket' | 'listening'>;

class Server {
  readonly ended: Promise<number>;
  readonly #manager: ServiceManager;
  readonly #counters = new Counters();
  readonly #control = new ThreadControl();
  readonly #gauges = new Float64Array(new SharedArrayBuffer(MOST_GAUGES * Float64Array.BYTES_PER_ELEMENT));
  readonly #started = performance.now();
  readonly #thread: Worker;
  readonly #confinement: Confinement;
  readonly #memory: ResidentMemory;
  /** No helper has come so far. */
  #listening: boolean;
  #statusSocket: StatusSocket | undefined;
  #source = '';
  #target = '';
  #serving: Extract<ThreadMessage, { type: 'serving' }> | undefined;
  #stopAsked = false;
  #watchdog: NodeJS.Timeout | undefined;
  #syncing: NodeJS.Timeout | undefined;
  #beating: NodeJS.Timeout | undefined;
  #finished!: (exitCode: number) => void;

  constructor(manager: ServiceManager, entrance: Entrance, thread: URL, confinement: Confinement, memory: ResidentMemory) {
    this.#manager = manager;
    this.#confinement = confinement;
    this.#memory = memory;
    this.ended = new Promise((resolve) => (this.#finished = resolve));
    this.#listening = entrance.listening;
    const start: ThreadStart = {
      ...entrance,
      control: this.#control.memory,
      counters: this.#counters.memory,
      gauges: this.#gauges.buffer as SharedArrayBuffer,
      confinement,
    };
    this.#thread = new Worker(thread, {
      workerData: start,
      // The descriptors came from the helper, and the thread closes them itself.
      trackUnmanagedFds: false,
    });
    this.#thread.on('message', (message: ThreadMessage) => this.#hear(message));
    this.#thread.on('error', (error: Error) => void this.#end({ reason: 'failed', message: error.stack ?? error.message }));
    for (const signal of STOP_SIGNALS) process.on(signal, () => this.#onSignal(signal));
    // A terminal that goes away, or a reader of our messages, is no reason to stop serving;
    // and SIGUSR1 would have Node listen for a debugger.
    for (const signal of ['SIGHUP', 'SIGPIPE', 'SIGUSR1'] as const) process.on(signal, () => undefined);
  }

  #hear(message: ThreadMessage): void {
    switch (message.type) {
      case 'connected':
        this.#listening = false;
        break;
      case 'source':
        this.#source = message.source;
        this.#target = message.target;
        process.title = `fuse4fs-server: ${message.source} on ${message.target}`;
        break;
      case 'mounted':
        if (message.statusListener !== undefined) {
          const remount = (options: readonly string[]): void => this.#tell({ type: 'remounted', options });
          this.#statusSocket = new StatusSocket(message.statusListener, () => this.#report(), remount);
        }
        this.#control.announcePrepared();
        break;
      case 'serving':
        this.#serving = message;
        this.#manager.ready(`serving ${this.#where()}`);
        this.#watch();
        this.#syncRegularly(message.syncMilliseconds);
        this.#beatRegularly(message.heartbeatMilliseconds);
        break;
      case 'write back':
        writeBack(message, () => {
          this.#tell({ type: 'written back', ticket: message.ticket });
        });
        break;
      case 'ended':
        void this.#end(message.end);
        break;
    }
  }

  #tell(message: MainMessage): void {
    this.#thread.postMessage(message);
    this.#control.announceMessage();
  }

  /**
   * A mount cannot be left: whoever uses it would get ENOTCONN. So the first request to stop makes
   * everything safe on the device and waits for the unmount; a second one is obeyed.
   */
  #onSignal(signal: string): void {
    if (this.#listening) return this.#control.requestStop();
    if (this.#serving === undefined) {
      log('notice', `${signal} before the mount was complete`);
      process.exit(1);
    }
    if (this.#stopAsked) {
      log('warning', `${signal} again: stopping although ${this.#target} is still mounted`);
      this.#control.requestStop();
      return;
    }
    this.#stopAsked = true;
    log('notice', `${signal}: serving ${this.#where()} until it is unmounted; a second signal stops at once`);
    this.#manager.status(`waiting for ${this.#target} to be unmounted`);
    this.#statusSocket?.stopping();
    this.#control.requestSync();
  }

  /** The manager hears that we are alive only while the filesystem thread waits for requests or gets on with them. */
  #watch(): void {
    const { watchdogMilliseconds } = this.#manager;
    if (watchdogMilliseconds === undefined) return;
    let finishedBefore = -1;
    this.#watchdog = setInterval(() => {
      const { busy, finished } = this.#counters;
      if (!busy || finished !== finishedBefore) this.#manager.alive();
      finishedBefore = finished;
    }, watchdogMilliseconds);
  }

  /** The filesystem thread has no clock: it sleeps in a read until a request comes, or is woken to sync. */
  #syncRegularly(milliseconds: number | undefined): void {
    if (milliseconds === undefined) return;
    let finishedBefore = -1;
    this.#syncing = setInterval(() => {
      const { finished } = this.#counters;
      if (finished !== finishedBefore) this.#control.requestSync();
      finishedBefore = finished;
    }, milliseconds);
  }

  #beatRegularly(milliseconds: number | undefined): void {
    if (milliseconds === undefined) return;
    this.#beating = setInterval(() => this.#control.requestBeat(), milliseconds);
  }

  #report(): StatusReport {
    const gauges = (this.#serving?.gauges ?? []).map((name, slot) => [name, this.#gauges[slot] ?? 0] as const);
    return {
      source: this.#source,
      target: this.#target,
      pid: process.pid,
      readOnly: this.#serving?.readOnly ?? true,
      kernelFeatures: this.#serving?.kernelFeatures ?? [],
      requests: this.#counters.byOpcode(),
      errors: this.#counters.errors,
      cache: Object.fromEntries(gauges),
      uptimeSeconds: Math.round(performance.now() - this.#started) / 1000,
      rssBytes: this.#memory.bytes(),
      confinement: this.#confinement,
    };
  }

  async #end(end: ThreadEnd): Promise<void> {
    clearInterval(this.#watchdog);
    clearInterval(this.#syncing);
    clearInterval(this.#beating);
    const event = toExitEvent(end);
    if (event.ok) log('information', this.#source === '' ? 'stopped before a helper came' : `${this.#where()}: ${end.reason}`);
    else log('error', this.#source === '' ? event.error : `${this.#where()}: ${event.error}`);
    this.#manager.stopping(event.ok ? end.reason : event.error);
    await this.#statusSocket?.end(event);
    this.#manager.close();
    this.#finished(event.ok ? 0 : 1);
  }

  #where(): string {
    return `${this.#source} on ${this.#target}`;
  }
}

function toExitEvent(end: ThreadEnd): ExitEvent {
  switch (end.reason) {
    case 'unmounted':
    case 'stopped':
      return { event: 'exit', ok: true };
    case 'aborted':
      return { event: 'exit', ok: false, error: 'the connection was aborted' };
    default:
      return { event: 'exit', ok: false, error: end.message };
  }
}
