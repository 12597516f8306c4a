import { readFileSync } from 'node:fs';
import * as z from 'zod';
import { SUBJECT, type RowReport } from './report.js';

const storedResult = z.object({
  rows: z.array(
    z.object({
      row: z.string(),
      contenders: z.record(z.string(), z.object({ median: z.number() })),
      ratios: z.record(z.string(), z.number()),
    }),
  ),
});

/**
 * Rows in which we do worse than in a result that was stored with --json. Machines differ, and the same one from day
 * to day: what is compared is the ratio to another contender, and what the rounds lie apart is allowed for.
 * @throws ZodError, or what reading the file throws
 */
export function regressions(path: string, rows: readonly RowReport[]): string[] {
  const stored = new Map(storedResult.parse(JSON.parse(readFileSync(path, 'utf8'))).rows.map((row) => [row.row, row]));
  return rows.flatMap(({ row, ratios, contenders }) =>
    Object.entries(ratios).flatMap(([other, ratio]) => {
      const before = stored.get(row)?.ratios[other];
      const spread = (contenders[SUBJECT]?.spread ?? 0) + (contenders[other]?.spread ?? 0);
      if (before === undefined || ratio * (1 + spread) >= before) return [];
      return [`worse than before: ${row}: ${SUBJECT} / ${other} ${ratio.toFixed(2)}, was ${before.toFixed(2)}`];
    }),
  );
}
