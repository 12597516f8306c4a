/**
 * A short sequence of system calls, in the words of test/support/native/syscalls, that runs in a
 * directory of its own: empty, owned by root, mode 0777. The umask is 022.
 */
export interface Case {
  readonly name: string;
  readonly calls: readonly string[];
  /** Why the two mounts differ here, where they have to: mostly something that the kernel's FUSE client decides. */
  readonly differs?: string;
  /** With iomap, in the test kernel, they agree all the same. */
  readonly agreesWithIomap?: boolean;
}

/** Lines of calls, blank ones and indentation left out. */
export const lines = (text: string): string[] =>
  text
    .split(/\n|;/u)
    .map((line) => line.trim())
    .filter((line) => line !== '');

export const posixCase = (name: string, ...parts: readonly string[]): Case => ({ name, calls: parts.flatMap(lines) });

/** The same case, known to differ if there is a reason. */
export const differing = (reason: string | undefined, one: Case): Case => (reason === undefined ? one : { ...one, differs: reason });

/** The same case, known to differ if there is a reason, but not where the kernel moves the data itself. */
export const differingWithoutIomap = (reason: string | undefined, one: Case): Case =>
  reason === undefined ? one : { ...differing(reason, one), agreesWithIomap: true };

/** Everything of each with everything of the other. */
export const pairs = <One, Other>(ones: readonly One[], others: readonly Other[]): [One, Other][] =>
  ones.flatMap((one) => others.map((other): [One, Other] => [one, other]));

/** Owner of nothing but what a case gives it. */
export const USER = 1001;
export const GROUP = 1001;
export const OTHER_USER = 1002;
export const OTHER_GROUP = 1002;
export const asUser = `as ${USER} ${GROUP}`;
export const asOther = `as ${OTHER_USER} ${OTHER_GROUP}`;

/** How to make one of each type of inode that a name can have. */
export const TYPES = {
  file: (name: string) => `mknod ${name} f 644`,
  directory: (name: string) => `mkdir ${name} 755`,
  symlink: (name: string) => `symlink nowhere ${name}`,
  fifo: (name: string) => `mknod ${name} p 644`,
  socket: (name: string) => `mknod ${name} s 644`,
  'character device': (name: string) => `mknod ${name} c 644 1 3`,
  'block device': (name: string) => `mknod ${name} b 644 7 200`,
} as const satisfies Record<string, (name: string) => string>;

export const EACH_TYPE = Object.entries(TYPES);
