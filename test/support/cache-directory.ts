import { homedir } from 'node:os';
import { join } from 'node:path';

/** What takes long to make or to fetch stays there from one run to the next, outside the checkout. */
export const cacheDirectory = (name: string): string => join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'fuse4fs', name);
