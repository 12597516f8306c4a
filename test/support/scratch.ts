import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';

/** A directory for one test; what is in it stays where the test failed, and the test says so. */
export function scratchDirectory(t: Test, name = 'scratch'): string {
  const directory = mkdtempSync(join(tmpdir(), `${name}-`));
  t.teardown(() => {
    if (t.passing()) rmSync(directory, { recursive: true, force: true });
    else t.comment(`left for inspection: ${directory}`);
  });
  return directory;
}
