import type { InodeNumber } from '../../server/ext4/units.js';
import { Contents } from './contents.js';

export interface ModelFile {
  readonly kind: 'file';
  readonly number: InodeNumber;
  readonly contents: Contents;
  links: number;
}

export interface ModelSymlink {
  readonly kind: 'symlink';
  readonly number: InodeNumber;
  readonly target: string;
  links: number;
}

/** Sockets, pipes and devices, and the whiteouts that renames leave. */
export interface ModelSpecial {
  readonly kind: 'special';
  readonly number: InodeNumber;
  links: number;
}

export interface ModelDirectory {
  readonly kind: 'directory';
  readonly number: InodeNumber;
  readonly entries: Map<string, ModelNode>;
  parent: ModelDirectory | undefined;
}

export type ModelNode = ModelFile | ModelSymlink | ModelSpecial | ModelDirectory;

export const modelFile = (number: InodeNumber, links: number): ModelFile => ({ kind: 'file', number, links, contents: new Contents() });

export const modelDirectory = (number: InodeNumber, parent?: ModelDirectory): ModelDirectory => ({ kind: 'directory', number, parent, entries: new Map() });

export function isWithin(directory: ModelDirectory, ancestor: ModelNode): boolean {
  for (let at: ModelDirectory | undefined = directory; at !== undefined; at = at.parent) if (at === ancestor) return true;
  return false;
}

export function* allNodes(directory: ModelDirectory, path = ''): Generator<[string, ModelNode]> {
  for (const [name, node] of directory.entries) {
    yield [`${path}/${name}`, node];
    if (node.kind === 'directory') yield* allNodes(node, `${path}/${name}`);
  }
}

export const linksOf = (node: ModelNode): number =>
  node.kind === 'directory' ? 2 + [...node.entries.values()].filter(({ kind }) => kind === 'directory').length : node.links;
