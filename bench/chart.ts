import { ratioToFuse2fs, SUBJECT, type RowReport } from './report.js';

const ROW_HEIGHT = 26;
const TOP = 104;
const LABELS = 460;
const WIDTH = 1000;
const RIGHT = 70;
/** Bars are logarithmic: a tenth and ten times are as far from the line of equality. */
const LEAST = 0.01;
const MOST = 50;

const place = (ratio: number): number =>
  LABELS + ((WIDTH - LABELS - RIGHT) * Math.log(Math.min(MOST, Math.max(LEAST, ratio)) / LEAST)) / Math.log(MOST / LEAST);

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

/** One row of the table: a bar from the line of equality to the ratio to fuse2fs, a stroke at that to the kernel. */
function bar(row: RowReport, index: number): string {
  const y = TOP + index * ROW_HEIGHT;
  const label = `<text x="${LABELS - 10}" y="${y + 15}" text-anchor="end">${escaped(row.row)}</text>`;
  const ratio = ratioToFuse2fs(row);
  const kernel = row.ratios['kernel'];
  const stroke = kernel === undefined ? '' : `<line x1="${place(kernel).toFixed(1)}" y1="${y + 1}" x2="${place(kernel).toFixed(1)}" y2="${y + ROW_HEIGHT - 3}" stroke="#1f4e8c" stroke-width="3"/>`;
  if (ratio === undefined) return `${label}${stroke}`;
  const equal = place(1);
  const end = place(ratio);
  const color = ratio >= 1 ? '#2f7d4f' : '#b4552d';
  const rectangle = `<rect x="${Math.min(equal, end).toFixed(1)}" y="${y + 3}" width="${Math.abs(end - equal).toFixed(1)}" height="${ROW_HEIGHT - 8}" fill="${color}"/>`;
  const figure = `<text x="${(Math.max(equal, end) + 6).toFixed(1)}" y="${y + 15}">${ratio.toPrecision(2)}</text>`;
  return `${label}${rectangle}${stroke}${figure}`;
}

/** How many times faster each row is than fuse2fs, and than the kernel. */
export function chart(rows: readonly RowReport[], about: readonly string[]): string {
  const height = TOP + rows.length * ROW_HEIGHT + 20;
  const ticks = [0.01, 0.1, 0.5, 1, 2, 10].map((ratio) => {
    const x = place(ratio).toFixed(1);
    return `<line x1="${x}" y1="${TOP - 8}" x2="${x}" y2="${height - 16}" stroke="${ratio === 1 ? '#444' : '#ccc'}"/><text x="${x}" y="${TOP - 14}" text-anchor="middle">${ratio}</text>`;
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12">`,
    `<rect width="${WIDTH}" height="${height}" fill="white"/>`,
    `<text x="10" y="20" font-size="15">${SUBJECT}, times the better of fuse2fs and fuse2fs-tuned (bars) and times the kernel's ext4 (strokes): above 1 is faster</text>`,
    ...about.map((line, index) => `<text x="10" y="${38 + 16 * index}" fill="#555">${escaped(line)}</text>`),
    ...ticks,
    ...rows.map((row, index) => bar(row, index)),
    '</svg>',
    '',
  ].join('\n');
}
