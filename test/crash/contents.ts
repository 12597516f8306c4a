const PAGE = 4096;

/** What a file should hold: pages that were written, zeros elsewhere, at any offset. */
export class Contents {
  size = 0;
  readonly #pages = new Map<number, Uint8Array>();

  write(offset: number, bytes: Uint8Array): void {
    for (let done = 0; done < bytes.length; ) {
      const at = offset + done;
      const into = at % PAGE;
      const length = Math.min(PAGE - into, bytes.length - done);
      this.#page(Math.floor(at / PAGE)).set(bytes.subarray(done, done + length), into);
      done += length;
    }
    this.size = Math.max(this.size, offset + bytes.length);
  }

  zero(offset: number, end: number): void {
    for (const [index, page] of this.#pages) {
      const start = index * PAGE;
      if (start < end && start + PAGE > offset) page.fill(0, Math.max(0, offset - start), Math.min(PAGE, end - start));
    }
  }

  resize(size: number): void {
    if (size < this.size) this.zero(size, this.size);
    for (const index of this.#pages.keys()) if (index * PAGE >= size) this.#pages.delete(index);
    this.size = size;
  }

  read(offset: number, length: number): Uint8Array {
    const result = new Uint8Array(Math.max(0, Math.min(length, this.size - offset)));
    for (let done = 0; done < result.length; ) {
      const at = offset + done;
      const into = at % PAGE;
      const count = Math.min(PAGE - into, result.length - done);
      const page = this.#pages.get(Math.floor(at / PAGE));
      if (page !== undefined) result.set(page.subarray(into, into + count), done);
      done += count;
    }
    return result;
  }

  /** Offsets worth looking at in a file too large to be read as a whole: every written page, and its neighbours. */
  *interesting(): Generator<{ offset: number; length: number }> {
    for (const index of this.#pages.keys()) {
      const offset = Math.max(0, index - 1) * PAGE;
      yield { offset, length: 3 * PAGE };
    }
  }

  #page(index: number): Uint8Array {
    let page = this.#pages.get(index);
    if (page === undefined) {
      page = new Uint8Array(PAGE);
      this.#pages.set(index, page);
    }
    return page;
  }
}
