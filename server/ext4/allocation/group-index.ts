const FANOUT_SHIFT = 5;

/**
 * Which groups may have something free, as a tree of bitmaps with 32 children a node: the next
 * candidate is found in a few steps among the 131,072 groups of a 16 TiB filesystem, however many
 * are full. Every group starts as a candidate, since nothing was read yet.
 */
export class GroupIndex {
  readonly #count: number;
  /** `#levels[0]` has a bit for each group, the last level is one word. */
  readonly #levels: Uint32Array[] = [];

  constructor(count: number) {
    this.#count = count;
    let size = count;
    do {
      const words = Math.ceil(size / 32);
      const level = new Uint32Array(words).fill(0xffffffff);
      if (size % 32 !== 0) level[words - 1] = 2 ** (size % 32) - 1;
      this.#levels.push(level);
      size = words;
    } while (size > 1);
  }

  set(group: number, candidate: boolean): void {
    let index = group;
    for (const level of this.#levels) {
      const word = index >>> FANOUT_SHIFT;
      const bit = (1 << (index & 31)) >>> 0;
      const before = level[word] as number;
      const after = (candidate ? before | bit : before & ~bit) >>> 0;
      if (after === before) return;
      level[word] = after;
      // A parent only records whether anything is left below.
      if ((before === 0) === (after === 0)) return;
      index = word;
    }
  }

  /** The first candidate at or after `group`, going round once; -1 if there is none at all. */
  next(group: number): number {
    const found = this.#search(group);
    return found >= 0 || group === 0 ? found : this.#search(0);
  }

  #search(from: number): number {
    let index = from;
    let height = 0;
    // Up until some sibling to the right has a candidate below it …
    for (;;) {
      const level = this.#levels[height];
      if (level === undefined) return -1;
      const word = index >>> FANOUT_SHIFT;
      const bits = word < level.length ? ((level[word] as number) >>> (index & 31)) << (index & 31) : 0;
      if (bits !== 0) {
        index = word * 32 + 31 - Math.clz32(bits & -bits);
        break;
      }
      index = word + 1;
      height++;
    }
    // … and down to the leftmost of them.
    while (height > 0) {
      height--;
      const bits = (this.#levels[height] as Uint32Array)[index] as number;
      index = index * 32 + 31 - Math.clz32(bits & -bits);
    }
    return index < this.#count ? index : -1;
  }
}
