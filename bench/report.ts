import type { Sample, Samples } from './bench.js';
import type { Contender } from './contenders.js';
import type { Row } from './rows/row.js';

/** What the samples of one contender in one row come to. */
export interface Summary {
  readonly median: number;
  readonly lowest: number;
  readonly highest: number;
  /** (highest - lowest) / median: how far the rounds lie apart. */
  readonly spread: number;
  readonly serverCpuSeconds?: number;
  readonly serverPeakRssMiB?: number;
  readonly samples: readonly Sample[];
}

export interface RowReport {
  readonly row: string;
  readonly unit: string;
  readonly better: Row['better'];
  readonly caches: Row['caches'];
  readonly contenders: Readonly<Record<string, Summary>>;
  /** fuse4fs against each other contender; above 1 is faster, whatever the unit. */
  readonly ratios: Readonly<Record<string, number>>;
}

export const SUBJECT = 'fuse4fs';

export function report(samples: Samples): RowReport[] {
  return [...samples].map(([row, byContender]) => {
    const contenders: Record<string, Summary> = {};
    for (const [contender, values] of byContender) {
      const summary = summarize(values);
      if (summary !== undefined) contenders[contender.name] = summary;
    }
    return { row: row.name, unit: row.unit, better: row.better, caches: row.caches, contenders, ratios: ratios(row, contenders) };
  });
}

function summarize(samples: readonly Sample[]): Summary | undefined {
  if (samples.length === 0) return undefined;
  const values = samples.map(({ value }) => value);
  const middle = median(values);
  const lowest = Math.min(...values);
  const highest = Math.max(...values);
  const summary = { median: middle, lowest, highest, spread: (highest - lowest) / middle, samples };
  const cpu = samples.flatMap(({ serverCpuSeconds }) => serverCpuSeconds ?? []);
  const rss = samples.flatMap(({ serverPeakRssMiB }) => serverPeakRssMiB ?? []);
  return cpu.length === 0 ? summary : { ...summary, serverCpuSeconds: median(cpu), serverPeakRssMiB: Math.max(...rss) };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2;
}

function ratios(row: Row, contenders: Readonly<Record<string, Summary>>): Record<string, number> {
  const subject = contenders[SUBJECT];
  const found: Record<string, number> = {};
  if (subject === undefined) return found;
  for (const [name, { median: other }] of Object.entries(contenders)) {
    if (name !== SUBJECT) found[name] = row.better === 'higher' ? subject.median / other : other / subject.median;
  }
  return found;
}

/** The table for people: figures with their spread, then what the servers cost. */
export function formatTable(rows: readonly RowReport[], contenders: readonly Contender[]): string {
  const names = contenders.map(({ name }) => name);
  const others = names.filter((name) => name !== SUBJECT);
  const hasSubject = names.includes(SUBJECT);
  const header = ['', ...names, ...(hasSubject ? others.map((name) => `${SUBJECT} / ${name}`) : [])];
  const figures = rows.map((row) => [
    `${row.row}, ${row.unit}`,
    ...names.map((name) => figure(row.contenders[name])),
    ...(hasSubject ? others.map((name) => ratio(row.ratios[name])) : []),
  ]);
  const servers = names.filter((name) => rows.some((row) => row.contenders[name]?.serverCpuSeconds !== undefined));
  const costHeader = ['server: CPU seconds, peak RSS', ...servers];
  const costs = rows.map((row) => [row.row, ...servers.map((name) => cost(row.contenders[name]))]);
  return `${columns([header, ...figures])}\n\n${columns([costHeader, ...costs])}\n`;
}

const figure = (summary: Summary | undefined): string =>
  summary === undefined ? '-' : `${rounded(summary.median)} ±${Math.round((summary.spread / 2) * 100)}%`;

const ratio = (value: number | undefined): string => (value === undefined ? '-' : value.toFixed(2));

const cost = (summary: Summary | undefined): string =>
  summary?.serverCpuSeconds === undefined ? '-' : `${summary.serverCpuSeconds.toFixed(2)} s ${Math.round(summary.serverPeakRssMiB ?? 0)} MiB`;

const rounded = (value: number): string =>
  value >= 100 ? Math.round(value).toString().replace(/\B(?=(\d{3})+$)/g, ' ') : value.toPrecision(3);

/** The first column to the left, figures to the right. */
function columns(rows: readonly (readonly string[])[]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) => row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0))).join('  ').trimEnd())
    .join('\n');
}
