/** Where on a device the bytes of something lie, in their order: places behind a descriptor, and zeros. */
export class DeviceRanges {
  /** Position and length of each, in turns; ZEROS in the place of a position is that. */
  readonly values: Float64Array;
  count = 0;

  /** @param values has room for as many as can be added */
  constructor(values: Float64Array) {
    this.values = values;
  }

  clear(): void {
    this.count = 0;
  }

  /** @returns false where there is no room for another */
  add(position: number, length: number): boolean {
    const { values, count } = this;
    const last = 2 * count - 2;
    if (count > 0 && follows(values[last] ?? ZEROS, values[last + 1] ?? 0, position)) {
      values[last + 1] = (values[last + 1] ?? 0) + length;
      return true;
    }
    if (2 * count + 2 > values.length) return false;
    values[2 * count] = position;
    values[2 * count + 1] = length;
    this.count = count + 1;
    return true;
  }
}

export const ZEROS = -1;

const follows = (before: number, length: number, position: number): boolean =>
  position === ZEROS ? before === ZEROS : before !== ZEROS && before + length === position;
