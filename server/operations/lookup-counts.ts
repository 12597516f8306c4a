const PAGE_SHIFT = 10;
const PAGE_SIZE = 1 << PAGE_SHIFT;

/**
 * How often the kernel was told of each inode, less what it has forgotten. An inode without a name
 * lives as long as the kernel knows it: it may be open. Counted in pages of neighbours, since a
 * million inodes can be known at a time.
 */
export class LookupCounts {
  readonly #pages = new Map<number, Uint32Array>();

  add(inode: number): void {
    const key = inode >>> PAGE_SHIFT;
    let page = this.#pages.get(key);
    if (page === undefined) {
      page = new Uint32Array(PAGE_SIZE + 1);
      this.#pages.set(key, page);
    }
    const slot = inode & (PAGE_SIZE - 1);
    // The last slot counts how many of the page are known.
    if (page[slot] === 0) page[PAGE_SIZE] = (page[PAGE_SIZE] as number) + 1;
    page[slot] = (page[slot] as number) + 1;
  }

  /** @returns whether the kernel knows the inode no more */
  forget(inode: number, lookups: number): boolean {
    const key = inode >>> PAGE_SHIFT;
    const page = this.#pages.get(key);
    const slot = inode & (PAGE_SIZE - 1);
    const known = page?.[slot] ?? 0;
    if (page === undefined || known === 0) return true;
    page[slot] = Math.max(0, known - lookups);
    if (page[slot] !== 0) return false;
    page[PAGE_SIZE] = (page[PAGE_SIZE] as number) - 1;
    if (page[PAGE_SIZE] === 0) this.#pages.delete(key);
    return true;
  }

  isKnown(inode: number): boolean {
    return (this.#pages.get(inode >>> PAGE_SHIFT)?.[inode & (PAGE_SIZE - 1)] ?? 0) > 0;
  }
}
