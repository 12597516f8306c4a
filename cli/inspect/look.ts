import type { ImageError, ImageFilesystem } from '../../library/index.js';

/** What is shown of one path, for people and for programs. Only one of the two is asked for. */
export interface View {
  /** Made while it is written: a tree can be larger than memory. */
  text(): AsyncIterable<string | Uint8Array>;
  /** For --json. */
  json(): Promise<unknown>;
}

/** @param complain is told of what cannot be read where the rest can be shown all the same */
export type Look = (filesystem: ImageFilesystem, path: string, complain: (error: ImageError) => void) => View;
