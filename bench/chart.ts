import { SUBJECT, type RowReport } from './report.js';

const ROW_HEIGHT = 26;
const TOP = 104;
const LABELS = 400;
const WIDTH = 1000;
const RIGHT = 70;
/** Bars are logarithmic: a tenth and ten times are as far from the line of equality. */
const LEAST = 0.05;
const MOST = 50;

const place = (ratio: number): number =>
  LABELS + ((WIDTH - LABELS - RIGHT) * Math.log(Math.min(MOST, Math.max(LEAST, ratio)) / LEAST)) / Math.log(MOST / LEAST);

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

/** One row of the table as a bar from the line of equality to the ratio. */
function bar(row: RowReport, index: number, other: string): string {
  const y = TOP + index * ROW_HEIGHT;
  const label = `<text x="${LABELS - 10}" y="${y + 15}" text-anchor="end">${escaped(row.row)}</text>`;
  const ratio = row.ratios[other];
  if (ratio === undefined) return label;
  const equal = place(1);
  const end = place(ratio);
  const color = ratio >= 1 ? '#2f7d4f' : '#b4552d';
  const rectangle = `<rect x="${Math.min(equal, end).toFixed(1)}" y="${y + 3}" width="${Math.abs(end - equal).toFixed(1)}" height="${ROW_HEIGHT - 8}" fill="${color}"/>`;
  const figure = `<text x="${(Math.max(equal, end) + 6).toFixed(1)}" y="${y + 15}">${ratio.toPrecision(2)}</text>`;
  return `${label}${rectangle}${figure}`;
}

/** A chart of how many times faster than `other` each row is. */
export function chart(rows: readonly RowReport[], other: string, about: readonly string[]): string {
  const height = TOP + rows.length * ROW_HEIGHT + 20;
  const ticks = [0.1, 0.5, 1, 2, 10].map((ratio) => {
    const x = place(ratio).toFixed(1);
    return `<line x1="${x}" y1="${TOP - 8}" x2="${x}" y2="${height - 16}" stroke="${ratio === 1 ? '#444' : '#ccc'}"/><text x="${x}" y="${TOP - 14}" text-anchor="middle">${ratio}</text>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${height}" fill="white"/>`,
    `<text x="10" y="20" font-size="15">${SUBJECT} / ${escaped(other)}: above 1 is faster</text>`,
    ...about.map((line, index) => `<text x="10" y="${38 + 16 * index}" fill="#555">${escaped(line)}</text>`),
    ...ticks,
    ...rows.map((row, index) => bar(row, index, other)),
    '</svg>',
    '',
  ].join('\n');
}
