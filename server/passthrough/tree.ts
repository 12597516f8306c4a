import type { Nodes } from './nodes.js';
import type { OpenFiles } from './open-files.js';
import type { Registrar } from './registrar.js';
import { EACCES, EROFS } from './errors.js';
import type { Decision } from './policy.js';
import { WATCHED_VALIDITY } from './watcher.js';

/** What the operations on a tree share. */
export interface Tree {
  readonly nodes: Nodes;
  readonly files: OpenFiles;
  /** Nothing in it can be changed. */
  readonly readOnly: boolean;
  /** Undefined where the kernel reads and writes no file itself. */
  registrar: Registrar | undefined;
}

/** How long the kernel believes what it was told, in seconds: others change the tree, too. */
const VALIDITY = 1;

/** Of names. */
export const nameValidity = (isWatched: boolean): number => (isWatched ? WATCHED_VALIDITY / 1000 : VALIDITY);

/** Of what `nodes.facts` says. That set-id bits go with a write is for the kernel to ask. */
export const attributeValidity = ({ facts: { hasSetId } }: Nodes, isWatched: boolean): number => (isWatched && !hasSetId ? WATCHED_VALIDITY / 1000 : VALIDITY);

/** 0, or why what a decision is about cannot be changed, as a negative errno. */
export function refusalToChange({ denied, readOnly }: Decision): number {
  if (denied) return -EACCES;
  return readOnly ? -EROFS : 0;
}

/** The same for a name that is to be made. That a hidden one is there already must not show. */
export function refusalToMake(directory: Decision, name: Decision): number {
  if (directory.denied || name.denied || name.hidden) return -EACCES;
  return directory.readOnly || name.readOnly ? -EROFS : 0;
}
