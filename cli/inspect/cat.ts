import type { Look } from './look.js';
import { decode } from './printable.js';

/** Bytes as they are; in JSON as text where they are text, in base64 otherwise. */
export const cat: Look = (filesystem, path) => ({
  text: () => filesystem.createReadStream(path),
  json: async () => {
    const bytes = await filesystem.readFile(path);
    const text = decode(bytes);
    const data = text === undefined ? { encoding: 'base64', data: bytes.toString('base64') } : { encoding: 'utf8', data: text };
    return { path, size: bytes.length, ...data };
  },
});
