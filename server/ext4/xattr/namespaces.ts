import { NameIndex } from '../layout/xattr.js';

/** How a name index shows in a name. */
export interface Namespace {
  readonly index: NameIndex;
  /** With its dot where a name follows; the POSIX ACLs are names as they stand. */
  readonly prefix: Uint8Array;
  readonly takesName: boolean;
}

const namespace = (index: NameIndex, prefix: string): Namespace => ({
  index,
  prefix: new TextEncoder().encode(prefix),
  takesName: prefix.endsWith('.'),
});

/**
 * What the kernel's ext4 shows and lets be asked for. `system.data` (inline data), richacls and the
 * encryption context have indexes too, and neither show nor can be named.
 */
const VISIBLE: readonly Namespace[] = [
  namespace(NameIndex.USER, 'user.'),
  namespace(NameIndex.POSIX_ACL_ACCESS, 'system.posix_acl_access'),
  namespace(NameIndex.POSIX_ACL_DEFAULT, 'system.posix_acl_default'),
  namespace(NameIndex.TRUSTED, 'trusted.'),
  namespace(NameIndex.SECURITY, 'security.'),
  namespace(NameIndex.HURD, 'gnu.'),
];

const BY_INDEX: readonly (Namespace | undefined)[] = Array.from({ length: 256 }, (_, index) =>
  VISIBLE.find((candidate) => candidate.index === index),
);

/** @param index any byte from disk */
export const visibleNamespace = (index: number): Namespace | undefined => BY_INDEX[index];

function startsWith(bytes: Uint8Array, offset: number, length: number, prefix: Uint8Array): boolean {
  if (length < prefix.length) return false;
  for (let at = 0; at < prefix.length; at++) if (bytes[offset + at] !== prefix[at]) return false;
  return true;
}

/** The namespace of a full name such as "user.mime_type", undefined for one that ext4 does not have. */
export function namespaceOf(name: Uint8Array, offset: number, length: number): Namespace | undefined {
  for (const candidate of VISIBLE) {
    if (!startsWith(name, offset, length, candidate.prefix)) continue;
    if (candidate.takesName || length === candidate.prefix.length) return candidate;
  }
  return undefined;
}
