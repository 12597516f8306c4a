import { writeSync } from 'node:fs';

/** syslog(3) priorities, as systemd reads them from the beginning of a line (sd-daemon(3)). */
const PRIORITY = { error: 3, warning: 4, notice: 5, information: 6 } as const;
export type LogLevel = keyof typeof PRIORITY;

const STDERR = 2;
/** So many lines at once, and then one per interval: a damaged image must not fill a journal. */
const BURST = 100;
const INTERVAL_MILLISECONDS = 5_000;
const LONGEST_LINE = 2048;

/** systemd sets it where stderr goes to the journal; elsewhere the prefix would only disturb. */
const prefixed = process.env['JOURNAL_STREAM'] !== undefined;

let allowance = BURST;
let replenished = Date.now();
let suppressed = 0;

/**
 * One line to stderr, from whichever thread: synchronously, since the filesystem thread never comes
 * back to an event loop that could do it later. Control characters of names and labels are replaced.
 */
export function log(level: LogLevel, message: string): void {
  if (!allowed()) {
    suppressed++;
    return;
  }
  if (suppressed > 0) {
    write('warning', `${suppressed} messages were left out`);
    suppressed = 0;
  }
  write(level, message);
}

function allowed(): boolean {
  const now = Date.now();
  const earned = Math.floor((now - replenished) / INTERVAL_MILLISECONDS);
  if (earned > 0) {
    allowance = Math.min(BURST, allowance + earned);
    replenished += earned * INTERVAL_MILLISECONDS;
  }
  if (allowance === 0) return false;
  allowance--;
  return true;
}

function write(level: LogLevel, message: string): void {
  const line = message.slice(0, LONGEST_LINE).replace(/[\u0000-\u001f\u007f-\u009f]/gu, '\ufffd');
  const prefix = prefixed ? `<${PRIORITY[level]}>` : `fuse4fs-server: ${level === 'error' || level === 'warning' ? `${level}: ` : ''}`;
  try {
    writeSync(STDERR, `${prefix}${line}\n`);
  } catch {
    // Nobody reads stderr any more; that is no reason to stop serving.
  }
}
