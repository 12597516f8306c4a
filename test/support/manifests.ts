/** Our Kubernetes manifests, checked against Kubernetes' own schemas. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DaemonSet } from 'kubernetes-models/apps/v1';
import { Namespace, Pod } from 'kubernetes-models/v1';
import { parseAllDocuments } from 'yaml';
import { projectRoot } from './native.js';

const TOP = new Set(['apiVersion', 'metadata', 'spec']);
const KINDS = { DaemonSet, Namespace, Pod } as const;
export type Manifest = InstanceType<(typeof KINDS)[keyof typeof KINDS]>;

/** The objects of a file under deploy/. */
export function readManifests(file: string): Manifest[] {
  return parseAllDocuments(readFileSync(join(projectRoot, 'deploy', file), 'utf8')).map((document) => validated(document.toJS()));
}

/** @throws if it is not valid, or has a field that Kubernetes does not know */
export function validated(object: unknown): Manifest {
  const { kind, ...fields } = object as { readonly kind: keyof typeof KINDS };
  const unread = new Set(Object.keys(fields).filter((name) => !TOP.has(name)));
  const manifest = new KINDS[kind](fields as never);
  for (const [name, value] of Object.entries(fields)) Object.defineProperty(manifest, name, { value: watched(value, name, unread) });
  if (manifest.kind !== kind) throw new Error(`${kind} became ${manifest.kind}`);
  manifest.validate();
  if (unread.size > 0) throw new Error(`fields that Kubernetes does not know: ${[...unread].join(', ')}`);
  return new KINDS[kind](fields as never);
}

/** The schemas let unknown fields pass, and never look at them: what is not read is not known. */
function watched(value: unknown, path: string, unread: Set<string>): unknown {
  if (typeof value !== 'object' || value === null) return value;
  const copy: Record<string, unknown> | unknown[] = Array.isArray(value) ? [] : {};
  for (const [key, member] of Object.entries(value)) {
    const memberPath = `${path}.${key}`;
    const inner = watched(member, memberPath, unread);
    unread.add(memberPath);
    Object.defineProperty(copy, key, {
      enumerable: true,
      get: () => {
        unread.delete(memberPath);
        return inner;
      },
    });
  }
  return copy;
}
