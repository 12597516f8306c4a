import { closeSync, constants, fstatSync, mkdirSync, openSync, readSync, renameSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { shim } from '../native/shim.js';

/** Where the server's standard error goes. */
export interface ServerLog {
  readonly descriptor: number;
  /** For messages; undefined if the user sees it anyway. */
  readonly place: string | undefined;
  /** What was written so far, at most the last 2 KiB. */
  tail(): string;
  /** The mount has got its number: the log lies beside its status socket from now on. */
  belongsTo(device: string): void;
  close(): void;
  /** Nothing was mounted: removes it. */
  discard(): void;
}

const JOURNAL = '/run/systemd/journal/stdout';

/** In the foreground ours; else the journal; else a file that is only appended to; else nowhere. */
export function openServerLog(foreground: boolean, directory: string | undefined): ServerLog {
  if (foreground) return plain(2, undefined);
  return openJournal() ?? (directory === undefined ? undefined : openFile(directory)) ?? toNowhere();
}

function plain(descriptor: number, place: string | undefined): ServerLog {
  const close = descriptor > 2 ? () => closeSync(descriptor) : () => undefined;
  return { descriptor, place, tail: () => '', belongsTo: () => undefined, close, discard: close };
}

const toNowhere = (): ServerLog => plain(openSync('/dev/null', constants.O_WRONLY), undefined);

/** journald takes a stream that begins with seven lines about it; every line after them is one entry. */
function openJournal(): ServerLog | undefined {
  const descriptor = shim.connectStream(JOURNAL, 1000);
  if (descriptor < 0) return undefined;
  const [identifier, unit, priority, levelPrefix, toSyslog, toKernel, toConsole] = ['fuse4fs', '', '6', '1', '0', '0', '0'];
  writeSync(descriptor, [identifier, unit, priority, levelPrefix, toSyslog, toKernel, toConsole, ''].join('\n'));
  return plain(descriptor, 'journalctl -t fuse4fs');
}

function openFile(directory: string): ServerLog | undefined {
  let path = join(directory, `starting-${process.pid}.log`);
  let descriptor: number;
  try {
    mkdirSync(directory, { recursive: true, mode: 0o755 });
    const { O_RDWR, O_CREAT, O_APPEND, O_NOFOLLOW, O_TRUNC } = constants;
    descriptor = openSync(path, O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_TRUNC, 0o600);
  } catch {
    return undefined;
  }
  return {
    descriptor,
    get place() {
      return path;
    },
    tail: () => {
      const buffer = Buffer.alloc(2048);
      const { size } = fstatSync(descriptor);
      return buffer.toString('utf8', 0, readSync(descriptor, buffer, 0, buffer.length, Math.max(0, size - buffer.length)));
    },
    belongsTo: (device) => {
      const named = join(directory, `${device}.log`);
      renameSync(path, named);
      path = named;
    },
    close: () => closeSync(descriptor),
    discard: () => {
      closeSync(descriptor);
      rmSync(path, { force: true });
    },
  };
}
