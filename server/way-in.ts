/** How the helper reaches us: a connection that we have inherited, or a path on which we wait for one. */
export type WayIn = number | { readonly listenOn: string };

/** Means nothing: the process title takes the place of the arguments, and may be as long as they were. */
const TITLE_ROOM = '--title-room=';

/** The first descriptor that systemd passes (sd_listen_fds(3)). */
const FIRST_PASSED = 3;

/** How the server was started can only be wrong in ways that a person has to mend. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/**
 * `--socket-fd=N` from a helper that started us, the connection that systemd accepted and passed
 * (Accept=yes), or `--listen=PATH` in a container, where a helper connects later.
 */
export function wayIn(parameters: readonly string[], environment: NodeJS.ProcessEnv): WayIn {
  const [parameter, ...more] = parameters.filter((word) => !word.startsWith(TITLE_ROOM));
  if (parameter === undefined) return passedBySystemd(environment);
  if (more[0] !== undefined) throw unknownArgument(more[0]);
  const [, path] = /^--listen=(\/.+)$/su.exec(parameter) ?? [];
  if (path !== undefined) return { listenOn: path };
  const [, descriptor] = /^--socket-fd=(\d{1,6})$/u.exec(parameter) ?? [];
  if (descriptor === undefined) throw unknownArgument(parameter);
  return Number(descriptor);
}

const unknownArgument = (word: string): UsageError =>
  new UsageError(`unknown argument "${word}": --socket-fd=N and --listen=/PATH are known`);

function passedBySystemd({ LISTEN_FDS, LISTEN_PID }: NodeJS.ProcessEnv): number {
  if (LISTEN_FDS === undefined || (LISTEN_PID !== undefined && Number(LISTEN_PID) !== process.pid)) {
    throw new UsageError('no connection to a helper: the server is started by systemd (Accept=yes), by a helper with --socket-fd=N, or with --listen=/PATH');
  }
  if (Number(LISTEN_FDS) !== 1) throw new UsageError(`systemd passed ${LISTEN_FDS} sockets, one is expected`);
  return FIRST_PASSED;
}
