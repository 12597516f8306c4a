import { readFileSync } from 'node:fs';
import * as z from 'zod';
import { SUBJECT, type RowReport } from './report.js';

const storedResult = z.object({
  rows: z.array(
    z.object({
      row: z.string(),
      contenders: z.record(z.string(), z.object({ spread: z.number() })),
      ratios: z.record(z.string(), z.number()),
    }),
  ),
});

/** What one round may differ from the next, where there was only one to tell. */
const LEAST_SPREAD = 0.2;

/**
 * Rows in which we do worse than in a stored result. Machines differ, and the same one from day to day: what is
 * compared is the ratio to another contender, and what the rounds lie apart, then and now, is allowed for.
 * @throws ZodError, or what reading the file throws
 */
export function regressions(path: string, rows: readonly RowReport[]): string[] {
  const stored = new Map(storedResult.parse(JSON.parse(readFileSync(path, 'utf8'))).rows.map((row) => [row.row, row]));
  return rows.flatMap(({ row, ratios, contenders, failures }) => {
    const before = stored.get(row);
    if (before === undefined) return [];
    if (failures[SUBJECT] !== undefined && before.contenders[SUBJECT] !== undefined) return [`worse than before: ${row}: ${SUBJECT} fails`];
    return Object.entries(ratios).flatMap(([other, ratio]) => {
      const was = before.ratios[other];
      const spread = Math.max(LEAST_SPREAD, ...[contenders, before.contenders].map((one) => (one[SUBJECT]?.spread ?? 0) + (one[other]?.spread ?? 0)));
      if (was === undefined || ratio * (1 + spread) >= was) return [];
      return [`worse than before: ${row}: ${SUBJECT} / ${other} ${ratio.toFixed(2)}, was ${was.toFixed(2)}`];
    });
  });
}
