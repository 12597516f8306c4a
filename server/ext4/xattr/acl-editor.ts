import { errno } from '../errors.js';
import type { Inode } from '../inode.js';
import type { InodeEditor } from '../inode-editor.js';
import { NameIndex } from '../layout/xattr.js';
import { writeDiskAcl } from './acl.js';
import { applyMode, inheritAcl, isMinimalAcl, modeWithAcl } from './acl-mode.js';
import type { AttributeEditor } from './attribute-editor.js';
import type { ExtendedAttributes } from './attributes.js';
import type { EntryName } from './entry-editor.js';

export type AclKind = 'access' | 'default';

const SET_GROUP_ID = 0o2000;
/** Bytes of a list without entries, as system calls pass it. */
const EMPTY_ACL = 4;
const nameless = (index: NameIndex): EntryName => ({ index, bytes: new Uint8Array(0), offset: 0, length: 0 });
const NAMES: Record<AclKind, EntryName> = {
  access: nameless(NameIndex.POSIX_ACL_ACCESS),
  default: nameless(NameIndex.POSIX_ACL_DEFAULT),
};

/** Access control lists and the modes that go with them, inside the open handle. */
export class AclEditor {
  readonly #attributes: ExtendedAttributes;
  readonly #attributeEditor: AttributeEditor;
  readonly #editor: InodeEditor;

  constructor(attributes: ExtendedAttributes, attributeEditor: AttributeEditor, editor: InodeEditor) {
    this.#attributes = attributes;
    this.#attributeEditor = attributeEditor;
    this.#editor = editor;
  }

  /**
   * Sets an ACL that came in the form of system calls. An access ACL becomes the mode as far as the
   * mode can say it, and is kept only where it says more.
   *
   * @param killSetGroupId the caller may not keep the file's set-group-id bit
   * @returns 1 where something changed, 0 where not, or a negative errno as of setxattr(2)
   */
  set(inode: Inode, kind: AclKind, wire: Uint8Array, offset: number, length: number, killSetGroupId: boolean, privileged: boolean): number {
    if (inode.isSymlink) return -errno.EOPNOTSUPP;
    if (kind === 'default' && !inode.isDirectory) return length > EMPTY_ACL ? -errno.EACCES : 0;
    const disk = new Uint8Array(length);
    const size = writeDiskAcl(wire, offset, length, disk, 0);
    if (size < 0) return size;
    if (size === 0) return Math.max(0, this.remove(inode, kind, privileged));
    return this.#store(inode, kind, disk.subarray(0, size), killSetGroupId, privileged);
  }

  /** @returns 1, or -ENODATA */
  remove(inode: Inode, kind: AclKind, privileged: boolean): number {
    return this.#attributeEditor.remove(inode, NAMES[kind], privileged);
  }

  /** The mode was changed by chmod(2): the access ACL follows. */
  followMode(inode: Inode, privileged: boolean): void {
    const disk = this.#read(inode, 'access');
    if (disk === undefined) return;
    applyMode(disk, inode.mode);
    this.#attributeEditor.set(inode, NAMES.access, disk, 0, disk.length, 0, privileged);
  }

  /**
   * Gives a new inode what it inherits from its directory. Without a default ACL there the mode is
   * the caller's to mask.
   * @param inode new, with the mode that its creator asked for, umask not applied
   * @returns whether the directory has a default ACL, or a negative errno
   */
  inherit(inode: Inode, directory: Inode, privileged: boolean): number {
    if (inode.isSymlink) return 0;
    const disk = this.#read(directory, 'default');
    if (disk === undefined) return 0;
    if (inode.isDirectory) {
      const result = this.#attributeEditor.set(inode, NAMES.default, disk, 0, disk.length, 0, privileged);
      if (result < 0) return result;
    }
    const mode = inheritAcl(disk, inode.mode);
    if (mode !== inode.mode) this.#editor.setMode(inode, mode);
    if (isMinimalAcl(disk)) return 1;
    const result = this.#attributeEditor.set(inode, NAMES.access, disk, 0, disk.length, 0, privileged);
    return result < 0 ? result : 1;
  }

  #store(inode: Inode, kind: AclKind, disk: Uint8Array, killSetGroupId: boolean, privileged: boolean): number {
    if (kind === 'default') return this.#attributeEditor.set(inode, NAMES.default, disk, 0, disk.length, 0, privileged);
    const result = isMinimalAcl(disk)
      ? Math.max(0, this.remove(inode, kind, privileged))
      : this.#attributeEditor.set(inode, NAMES.access, disk, 0, disk.length, 0, privileged);
    if (result < 0) return result;
    const asked = modeWithAcl(inode.mode, disk);
    const mode = killSetGroupId ? asked & ~SET_GROUP_ID : asked;
    if (mode === inode.mode) return result;
    this.#editor.setMode(inode, mode);
    return 1;
  }

  #read(inode: Inode, kind: AclKind): Uint8Array | undefined {
    return this.#attributes.readAcl(inode, kind === 'access' ? NameIndex.POSIX_ACL_ACCESS : NameIndex.POSIX_ACL_DEFAULT);
  }
}
