/** The first descriptor that systemd passes (sd_listen_fds(3)). */
const FIRST_PASSED = 3;

/** How the server was started can only be wrong in ways that a person has to mend. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/**
 * The connection to the helper: `--socket-fd=N` from a helper that started us, or the one that systemd
 * accepted and passed (Accept=yes).
 */
export function inheritedSocket(parameters: readonly string[], environment: NodeJS.ProcessEnv): number {
  const [parameter, ...more] = parameters;
  if (parameter === undefined) return passedBySystemd(environment);
  const match = /^--socket-fd=(\d{1,6})$/u.exec(parameter);
  if (match === null || more.length > 0) throw new UsageError(`unknown argument "${more[0] ?? parameter}": only --socket-fd=N is known`);
  return Number(match[1]);
}

function passedBySystemd({ LISTEN_FDS, LISTEN_PID }: NodeJS.ProcessEnv): number {
  if (LISTEN_FDS === undefined || (LISTEN_PID !== undefined && Number(LISTEN_PID) !== process.pid)) {
    throw new UsageError('no connection to a helper: the server is started by systemd (Accept=yes), or by a helper with --socket-fd=N');
  }
  if (Number(LISTEN_FDS) !== 1) throw new UsageError(`systemd passed ${LISTEN_FDS} sockets, one is expected`);
  return FIRST_PASSED;
}
