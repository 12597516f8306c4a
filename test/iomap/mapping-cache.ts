import { MappingType, Mapping } from '../../protocol/fuse/iomap.js';

const hasPlace = (type: number): boolean => type === MappingType.MAPPED || type === MappingType.UNWRITTEN;

/** What the kernel keeps of one file's mappings for reading. The one for writing stays absent: every write goes where reading is. */
export class MappingCache {
  readonly #blockSize: number;
  #entries: Mapping[] = [];

  constructor(blockSize: number) {
    this.#blockSize = blockSize;
  }

  find(position: number): Mapping | undefined {
    return this.#entries.find(({ offset, length }) => offset <= position && position < offset + length);
  }

  insert(mapping: Mapping): void {
    this.forget(mapping.offset, mapping.offset + mapping.length);
    this.#entries.push(part(mapping, mapping.offset, mapping.offset + mapping.length));
  }

  /** Bytes; whole blocks are forgotten. */
  forget(start: number, end: number): void {
    const from = Math.floor(start / this.#blockSize) * this.#blockSize;
    const to = Math.ceil(end / this.#blockSize) * this.#blockSize;
    this.#entries = this.#entries.flatMap((entry) => {
      const stop = entry.offset + entry.length;
      if (stop <= from || entry.offset >= to) return [entry];
      return [...(entry.offset < from ? [part(entry, entry.offset, from)] : []), ...(stop > to ? [part(entry, to, stop)] : [])];
    });
  }
}

function part({ offset, type, flags, address, device }: Mapping, from: number, to: number): Mapping {
  return new Mapping().set(from, to - from, type, flags, hasPlace(type) ? address + from - offset : address, device);
}
