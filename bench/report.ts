import type { Outcome, Outcomes, Sample } from './bench.js';
import type { Row } from './rows/row.js';

/** What the samples of one contender in one row come to. */
export interface Summary {
  readonly median: number;
  readonly lowest: number;
  readonly highest: number;
  /** (highest - lowest) / median: how far the rounds lie apart. */
  readonly spread: number;
  readonly serverCpuSeconds?: number;
  /** For each GiB, or for each 1,000 operations. */
  readonly serverCpuPerWork?: number;
  readonly serverPeakRssMiB?: number;
  readonly samples: readonly Sample[];
}

export interface RowReport {
  readonly row: string;
  readonly unit: Row['unit'];
  readonly caches: Row['caches'];
  readonly contenders: Readonly<Record<string, Summary>>;
  /** Why there are no figures, by contender. */
  readonly failures: Readonly<Record<string, string>>;
  /** fuse4fs against each other contender; above 1 is faster. */
  readonly ratios: Readonly<Record<string, number>>;
}

export const SUBJECT = 'fuse4fs';

export function report(outcomes: Outcomes): RowReport[] {
  return [...outcomes].map(([row, byContender]) => {
    const contenders: Record<string, Summary> = {};
    const failures: Record<string, string> = {};
    for (const [{ name }, { failure, samples }] of byContender as Map<{ readonly name: string }, Outcome>) {
      if (failure !== undefined) failures[name] = failure;
      else contenders[name] = summarize(samples);
    }
    return { row: row.name, unit: row.unit, caches: row.caches, contenders, failures, ratios: ratios(contenders) };
  });
}

function summarize(samples: readonly Sample[]): Summary {
  const values = samples.map(({ value }) => value);
  const middle = median(values);
  const lowest = Math.min(...values);
  const highest = Math.max(...values);
  const summary = { median: middle, lowest, highest, spread: (highest - lowest) / middle, samples };
  const served = samples.flatMap(({ serverCpuSeconds, serverCpuPerWork, serverPeakRssMiB }) =>
    serverCpuSeconds === undefined || serverCpuPerWork === undefined || serverPeakRssMiB === undefined ? [] : [{ serverCpuSeconds, serverCpuPerWork, serverPeakRssMiB }],
  );
  if (served.length === 0) return summary;
  return {
    ...summary,
    serverCpuSeconds: median(served.map((sample) => sample.serverCpuSeconds)),
    serverCpuPerWork: median(served.map((sample) => sample.serverCpuPerWork)),
    serverPeakRssMiB: Math.max(...served.map((sample) => sample.serverPeakRssMiB)),
  };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2;
}

function ratios(contenders: Readonly<Record<string, Summary>>): Record<string, number> {
  const subject = contenders[SUBJECT];
  const found: Record<string, number> = {};
  if (subject === undefined) return found;
  for (const [name, { median: other }] of Object.entries(contenders)) if (name !== SUBJECT) found[name] = subject.median / other;
  return found;
}

/** Debian's fuse2fs, as shipped and tuned: the better of what was measured. */
export function ratioToFuse2fs({ ratios }: RowReport): number | undefined {
  const found = Object.entries(ratios).flatMap(([name, ratio]) => (name.startsWith('fuse2fs') ? [ratio] : []));
  return found.length === 0 ? undefined : Math.min(...found);
}
