/** Where something is in the image, counted from its root, with or without a leading slash. Bytes for names that are not UTF-8. */
export type ImagePath = string | Uint8Array;

export const SLASH = 0x2f;
const DOT = 0x2e;

/** @throws TypeError for what cannot be a path, as `node:fs` does */
export function pathBytes(path: ImagePath): Buffer {
  if (typeof path !== 'string' && !(path instanceof Uint8Array)) {
    throw Object.assign(new TypeError('The "path" argument must be of type string or an instance of Uint8Array'), { code: 'ERR_INVALID_ARG_TYPE' });
  }
  const bytes = Buffer.from(path);
  if (bytes.includes(0)) {
    throw Object.assign(new TypeError('The argument "path" must be without null bytes'), { code: 'ERR_INVALID_ARG_VALUE' });
  }
  return bytes;
}

/** A path or name as text; bytes that are not UTF-8 become U+FFFD. */
export const pathText = (path: ImagePath): string => (typeof path === 'string' ? path : Buffer.from(path).toString());

/** The names between the slashes, none of them empty. */
export function splitPath(path: Buffer): Buffer[] {
  const names: Buffer[] = [];
  let start = 0;
  while (start < path.length) {
    const slash = path.indexOf(SLASH, start);
    const end = slash < 0 ? path.length : slash;
    if (end > start) names.push(path.subarray(start, end));
    start = end + 1;
  }
  return names;
}

export const endsInSlash = (path: Uint8Array): boolean => path.at(-1) === SLASH;

export const isDot = (name: Uint8Array): boolean => name.length === 1 && name[0] === DOT;

export const isDotDot = (name: Uint8Array): boolean => name.length === 2 && name[0] === DOT && name[1] === DOT;

export const joinPath = (directory: Buffer, name: Buffer): Buffer =>
  directory.length === 0 || endsInSlash(directory)
    ? Buffer.concat([directory, name])
    : Buffer.concat([directory, Buffer.from('/'), name]);
