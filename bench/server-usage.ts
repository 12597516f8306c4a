import { readFileSync, writeFileSync } from 'node:fs';

/** What a serving process has used so far. */
export interface ServerUsage {
  readonly cpuSeconds: number;
  /** Since forgetPeak(), or since it began. */
  readonly peakRssMiB: number;
}

/** USER_HZ, which is 100 on every architecture that Node runs on. */
const TICKS_PER_SECOND = 100;

export function serverUsage(pid: number): ServerUsage {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The command name, in parentheses, may hold anything; utime and stime are the 14th and 15th field.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[11]) + Number(fields[12]);
  const peak = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return { cpuSeconds: ticks / TICKS_PER_SECOND, peakRssMiB: Number(peak?.[1] ?? 0) / 1024 };
}

/** From here on the peak is counted anew. */
export function forgetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
}
