/** A directory tree for the session: what is below an open directory, under a policy. */
import { closeSync, readFileSync } from 'node:fs';
import type { InitFlagName } from '../../protocol/fuse/init-flags.js';
import { OptionError, type Brokers, type FilesystemSource, type MountedFilesystem, type MountFacts, type StaleNodes } from '../session/filesystem.js';
import type { KernelWishes } from '../session/negotiation.js';
import type { OperationTable } from '../session/handler.js';
import type { Connection } from '../session/negotiation.js';
import { attributeOperations } from './attributes.js';
import { creationOperations } from './creation.js';
import { dataOperations } from './data.js';
import { extendedAttributeOperations } from './extended-attributes.js';
import { listingOperations } from './listing.js';
import { lookupOperations } from './lookup.js';
import { Nodes } from './nodes.js';
import { OpenFiles } from './open-files.js';
import { openingOperations } from './opening.js';
import { parseTreeOptions } from './options.js';
import { Policy } from './policy.js';
import { Registrar } from './registrar.js';
import { removalOperations } from './removal.js';
import type { Tree } from './tree.js';
import { treeShim } from './tree-shim.js';
import { Watcher } from './watcher.js';

const LARGEST_POLICY = 1 << 20;
const BLOCK_SIZE = 4096;
/** The data may lie one filesystem deep: below an overlay, not below another mount of this kind. */
const STACK_DEPTH = 1;

/** The kernel checks permissions, ACLs included, and leaves the rest to the tree's own filesystem. */
const REQUIRED: readonly InitFlagName[] = ['POSIX_ACL', 'MAX_PAGES', 'BIG_WRITES', 'DONT_MASK', 'SETXATTR_EXT'];
/** What the kernel has cached of a file goes when the file was changed from elsewhere. */
const WANTED: readonly InitFlagName[] = [
  'ASYNC_READ', 'ASYNC_DIO', 'PARALLEL_DIROPS', 'DO_READDIRPLUS', 'READDIRPLUS_AUTO', 'AUTO_INVAL_DATA', 'HANDLE_KILLPRIV_V2', 'ABORT_ERROR', 'INIT_EXT',
];

/** @throws OptionError, PolicyError, TreeError */
export function openTree({ descriptor, policy, options, writable }: FilesystemSource): MountedFilesystem {
  const { policyName } = parseTreeOptions(options);
  return new MountedTree(descriptor, readPolicy(policy, policyName), !writable);
}

function readPolicy(descriptor: number | undefined, name: string): Policy {
  if (descriptor === undefined) return Policy.none;
  const text = readFileSync(descriptor, 'utf8');
  closeSync(descriptor);
  if (text.length > LARGEST_POLICY) throw new OptionError(`policy ${name} is larger than 1 MiB`);
  return Policy.parse(text, name);
}

class MountedTree implements MountedFilesystem {
  readonly facts: MountFacts;
  readonly operations: OperationTable;
  readonly gauges = ['nodes', 'openFiles', 'registeredFiles', 'watchedNodes', 'watches'];
  readonly #tree: Tree;
  #registrar: Registrar | undefined;

  constructor(descriptor: number, policy: Policy, readOnly: boolean) {
    this.#tree = { nodes: new Nodes(descriptor, policy), files: new OpenFiles(), readOnly, registrar: undefined };
    this.facts = {
      blockSize: BLOCK_SIZE,
      rootMode: this.#tree.nodes.root.mode,
      readOnly,
      kernelOptions: [],
      label: '',
      uuid: '',
      warnings: [],
    };
    this.operations = {
      ...lookupOperations(this.#tree),
      ...attributeOperations(this.#tree),
      ...extendedAttributeOperations(this.#tree),
      ...openingOperations(this.#tree),
      ...listingOperations(this.#tree),
      ...dataOperations(this.#tree),
      ...creationOperations(this.#tree),
      ...removalOperations(this.#tree),
    };
  }

  get kernelWishes(): KernelWishes {
    const passthrough: readonly InitFlagName[] = this.#registrar === undefined ? [] : ['PASSTHROUGH'];
    return { required: REQUIRED, wanted: [...WANTED, ...passthrough], stackDepth: STACK_DEPTH };
  }

  activate({ registrar, watcher }: Brokers = {}): void {
    if (registrar !== undefined) this.#registrar = new Registrar(registrar);
    if (watcher === undefined) return;
    // Where others move a directory, nobody tells of what is below it, and is now to be hidden or denied.
    if (this.#tree.nodes.policy.isAboutPlaces) treeShim.close(watcher);
    else this.#tree.nodes.watcher = new Watcher(watcher);
  }

  get staleAttributes(): StaleNodes | undefined {
    return this.#tree.nodes.watcher?.stale;
  }

  connected({ features }: Connection): void {
    if (features.has('PASSTHROUGH')) this.#tree.registrar = this.#registrar;
    else this.#registrar?.close();
  }

  unneededNodes(): readonly number[] | undefined {
    return this.#tree.nodes.takeUnneeded();
  }

  tend(gauges: Float64Array): void {
    gauges[0] = this.#tree.nodes.count;
    gauges[1] = this.#tree.files.count;
    gauges[2] = this.#registrar?.count ?? 0;
    gauges[3] = this.#tree.nodes.watcher?.count ?? 0;
    gauges[4] = this.#tree.nodes.watcher?.isAtWork === true ? 1 : 0;
  }

  close(): void {
    this.#registrar?.close();
    this.#tree.nodes.watcher?.close();
    treeShim.close(this.#tree.nodes.root.descriptor);
  }
}
