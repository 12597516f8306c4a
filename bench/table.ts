import { ratioToFuse2fs, type RowReport, type Summary } from './report.js';

/** The table for people: figures with their spread, then what the servers cost, then what failed. */
export function formatTable(rows: readonly RowReport[], names: readonly string[]): string {
  return [columns(figures(rows, names)), columns(costs(rows, names)), failures(rows).join('\n')].filter((part) => part !== '').join('\n\n');
}

/** The same in Markdown. */
export const formatMarkdown = (rows: readonly RowReport[], names: readonly string[]): string =>
  [markdown(figures(rows, names)), markdown(costs(rows, names)), failures(rows).map((line) => `- ${line}`).join('\n')].filter((part) => part !== '').join('\n\n');

type Cells = readonly (readonly string[])[];

function figures(rows: readonly RowReport[], names: readonly string[]): Cells {
  const references = REFERENCES.filter(([, of]) => rows.some((row) => of(row) !== undefined));
  return [
    ['', ...names, ...references.map(([name]) => name)],
    ...rows.map((row) => [`${row.row}, ${row.unit}`, ...names.map((name) => figure(row, name)), ...references.map(([, of]) => ratio(of(row)))]),
  ];
}

/** What we are compared with. */
const REFERENCES: readonly (readonly [string, (row: RowReport) => number | undefined])[] = [
  ['× kernel', ({ ratios }) => ratios['kernel']],
  ['× best fuse2fs', ratioToFuse2fs],
  ['× floor', ({ ratios }) => ratios['floor']],
];

function costs(rows: readonly RowReport[], names: readonly string[]): Cells {
  const servers = names.filter((name) => rows.some((row) => row.contenders[name]?.serverCpuSeconds !== undefined));
  if (servers.length === 0) return [];
  return [
    ['server: CPU seconds, peak memory', ...servers],
    ...rows.map((row) => [`${row.row}, per ${row.unit === 'MiB/s' ? 'GiB' : '1 000'}`, ...servers.map((name) => cost(row.contenders[name]))]),
  ];
}

const failures = (rows: readonly RowReport[]): string[] =>
  rows.flatMap((row) => Object.entries(row.failures).map(([name, reason]) => `failed: ${row.row}: ${name}: ${reason.replaceAll(/\s+/g, ' ')}`));

function figure({ contenders, failures }: RowReport, name: string): string {
  const summary = contenders[name];
  if (summary === undefined) return failures[name] === undefined ? '-' : 'failed';
  return summary.samples.length > 1 ? `${rounded(summary.median)} ±${Math.round((summary.spread / 2) * 100)}%` : rounded(summary.median);
}

const ratio = (value: number | undefined): string => (value === undefined ? '-' : value.toFixed(2));

const cost = (summary: Summary | undefined): string =>
  summary?.serverCpuPerWork === undefined ? '-' : `${summary.serverCpuPerWork.toPrecision(2)} s ${Math.round(summary.serverPeakRssMiB ?? 0)} MiB`;

export const rounded = (value: number): string =>
  value >= 100 ? Math.round(value).toString().replace(/\B(?=(\d{3})+$)/g, ' ') : value.toPrecision(3);

/** The first column to the left, figures to the right. */
export function columns(rows: Cells): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) => row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0))).join('  ').trimEnd())
    .join('\n');
}

export function markdown([header, ...rows]: Cells): string {
  if (header === undefined) return '';
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(header), line(header.map((_, column) => (column === 0 ? '---' : '---:'))), ...rows.map(line)].join('\n');
}
