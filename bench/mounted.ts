/** A mounted filesystem under measurement. */
export interface Mounted {
  /** The process that serves it; none for a driver in the kernel. */
  readonly server?: number | undefined;
  /** Where it is mounted. */
  readonly target: string;
  /** Returns when the device is free again. A mount that does not go is detached, so that the next one finds its place free. */
  unmount(): Promise<void>;
}
