import { run } from './command.js';
import { nativeProgram } from './native.js';

export interface Filling {
  readonly seed?: number;
  /** Names in the directory that is to become an htree. */
  readonly entries?: number;
  /** Extents of the most fragmented file. */
  readonly extents?: number;
  /** For a tree that is copied to filesystems of smaller limits, and removed again: nothing immutable, nothing very large. */
  readonly plain?: boolean;
}

/** Puts every kind of content there is below a mounted directory; see test/support/native/fill.c. */
export async function fillTree(
  directory: string,
  { seed = 1, entries = 4000, extents = 1500, plain = false }: Filling = {},
): Promise<void> {
  await run(await nativeProgram('fill'), [directory, String(seed), String(entries), String(extents), ...(plain ? ['plain'] : [])]);
}
