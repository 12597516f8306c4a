import { log } from '../log.js';
import { serverShim } from '../native/shim.js';

/* linux/prctl.h */
const PR_SET_DUMPABLE = 4;
const PR_SET_NO_NEW_PRIVS = 38;
/* asm-generic/resource.h */
const RLIMIT_CORE = 4;
const RLIMIT_NOFILE = 7;

/** The descriptors of a session, up to 64 clones of /dev/fuse, the status connections, and what Node has open. */
const MOST_DESCRIPTORS = 256;

/**
 * Gives up what the server can give up by itself, however it was started: whoever contains it (a
 * unit file, the helper) has done more before. Each step is best effort and says if it failed.
 */
export function confine({ FUSE4FS_SECCOMP }: NodeJS.ProcessEnv): void {
  // A setuid binary would be the way back to rights.
  attempt('no_new_privs', serverShim.prctl(PR_SET_NO_NEW_PRIVS, 1));
  // Memory holds other people's files: no ptrace by the same user, no core dump.
  attempt('dumpable', serverShim.prctl(PR_SET_DUMPABLE, 0));
  attempt('core limit', serverShim.limit(RLIMIT_CORE, 0));
  attempt('descriptor limit', serverShim.limit(RLIMIT_NOFILE, MOST_DESCRIPTORS));
  // "log" and "off" are for whoever has to find out what a new Node version calls.
  if (FUSE4FS_SECCOMP !== 'off') attempt('the filter of system calls', serverShim.seccomp(FUSE4FS_SECCOMP === 'log' ? 1 : 0));
}

function attempt(what: string, result: number): void {
  if (result < 0) log('warning', `confinement: setting ${what} failed with errno ${-result}`);
}
