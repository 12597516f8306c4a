import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { Channel } from '../../protocol/seqpacket/channel.js';
import { SeqpacketError } from '../../protocol/seqpacket/errors.js';
import { shim } from '../native/shim.js';
import { MountError } from './errors.js';
import { isRoot, serverIdentity, type Identity } from './identity.js';
import { pause } from './pause.js';
import type { ServerLog } from './server-log.js';
import { HANDSHAKE_DESCRIPTOR, installedFile, type ServerProgram } from './server-root.js';

/** The server at the other end of a handshake. */
export interface Server {
  readonly channel: Channel;
  /** Undefined if the service manager runs it. */
  readonly process: ServerProcess | undefined;
}

export interface ServerExit {
  readonly status: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Why it could not even be started. */
  readonly report: string;
}

export interface ServerProcess {
  readonly pid: number;
  readonly exit: Promise<ServerExit>;
  /** Ends it if it does not by itself within so many milliseconds. */
  end(patience: number): Promise<ServerExit>;
  /** From now on our end is not its end. */
  keep(): Promise<void>;
  /** Does not wait for it. */
  leave(): void;
}

/** Long enough for systemd to accept when it is busy. */
const CONNECT_TIMEOUT = 5000;

/** For a launcher that does not do as it is told either. */
const LAST_RESORT = 5000;

/**
 * Connects to the service socket where something listens there, and starts the program itself
 * otherwise. Only root's socket is believed, so only root asks.
 */
export function startServer(serviceSocket: string, program: () => ServerProgram, log: ServerLog): Server {
  const service = isRoot() ? connectToService(serviceSocket) : undefined;
  return service === undefined ? startContained(program(), log, serverIdentity()) : { channel: service, process: undefined };
}

/**
 * A server for a directory tree: root's as root, of files only. Those that a service manager contains could not make any
 * for others. A user's is that user, and makes files for nobody else.
 */
export const startTreeServer = (program: () => ServerProgram, log: ServerLog): Server => startContained(program(), log, isRoot() ? ROOT : serverIdentity(), ['--files']);

const ROOT: Identity = { uid: 0, gid: 0 };

/**
 * A server that somebody else has started for this one mount, in a container for example: it may be
 * coming up just now.
 */
export function connectToServer(path: string): Server {
  const deadline = performance.now() + CONNECT_TIMEOUT;
  for (;;) {
    const channel = connectToService(path);
    if (channel !== undefined) return { channel, process: undefined };
    if (performance.now() > deadline) {
      throw new MountError('SERVER_NOT_STARTED', `no server waits on ${path}`, 'start one with --listen, for one mount each');
    }
    pause(RETRY_MILLISECONDS);
  }
}

const RETRY_MILLISECONDS = 20;

function connectToService(path: string): Channel | undefined {
  try {
    return Channel.connect(path, CONNECT_TIMEOUT);
  } catch (error) {
    if (error instanceof SeqpacketError && NOBODY_LISTENS.includes(error.errno)) return undefined;
    throw new MountError('SERVER_NOT_STARTED', `cannot connect to ${path}: ${String(error instanceof Error ? error.message : error)}`);
  }
}

const ENOENT = 2;
const ENOTDIR = 20;
const ECONNREFUSED = 111;
const NOBODY_LISTENS: readonly number[] = [ENOENT, ENOTDIR, ECONNREFUSED];

/**
 * Starts the program through `contain`, in a session of its own, with the handshake as descriptor 3
 * and no environment but our own variables.
 */
function startContained({ shown, command }: ServerProgram, log: ServerLog, { uid, gid }: Identity, more: readonly string[] = []): Server {
  // What our caller left open in us is nothing to the server. Older kernels (before 5.9) lack the call.
  shim.closeOnExecFrom(3);
  const [ours, theirs] = Channel.pair();
  const child = spawn(
    installedFile('build/Release/contain'),
    [...more, String(uid), String(gid), ...shown.map(({ outside, inside }) => `${outside}=${inside}`), '--', ...command],
    {
      cwd: '/',
      detached: true,
      env: passedOn(),
      // The order gives the numbers: 3 is HANDSHAKE_DESCRIPTOR, 4 is where contain reports.
      stdio: ['ignore', log.descriptor, log.descriptor, theirs.fd, 'pipe'],
    },
  );
  theirs.close();
  // Reported by the missing pid, or by the exit.
  child.on('error', () => undefined);
  if (child.pid === undefined) {
    ours.close();
    throw new MountError('SERVER_NOT_STARTED', 'cannot start the server', 'is build/Release/contain executable?');
  }
  return { channel: ours, process: supervise(child, child.pid) };
}

const PASSED_ON = ['FUSE4FS_DEBUG', 'FUSE4FS_LANDLOCK', 'FUSE4FS_SECCOMP'];

const passedOn = (): Record<string, string> =>
  Object.fromEntries(PASSED_ON.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])));

function supervise(child: ChildProcess, pid: number): ServerProcess {
  const report = child.stdio[HANDSHAKE_DESCRIPTOR + 1] as Duplex;
  let said = '';
  report.setEncoding('utf8').on('data', (text: string) => (said = (said + text).slice(0, 4096)));
  const exit = once(child, 'close').then(([status, signal]: (number | NodeJS.Signals | null)[]): ServerExit => ({
    status: typeof status === 'number' ? status : null,
    signal: typeof signal === 'string' ? signal : null,
    report: said.trim(),
  }));
  return {
    pid,
    exit,
    end: async (patience) => {
      // The launcher takes SIGQUIT as the order to kill the server, and to wait until it is dead.
      const timers = [setTimeout(() => child.kill('SIGQUIT'), patience), setTimeout(() => child.kill('SIGKILL'), patience + LAST_RESORT)];
      try {
        return await exit;
      } finally {
        timers.forEach(clearTimeout);
      }
    },
    keep: () => new Promise((resolve, reject) => report.on('error', reject).end('k', resolve)),
    leave: () => {
      report.destroy();
      child.unref();
    },
  };
}
