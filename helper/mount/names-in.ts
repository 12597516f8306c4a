import { readdirSync } from 'node:fs';

/** The names in a directory, in order; none where it is not there or cannot be read. */
export function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory).sort();
  } catch {
    return [];
  }
}
