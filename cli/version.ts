import { readFileSync } from 'node:fs';
import * as z from 'zod';
import { installedFile } from '../helper/mount/server-root.js';

export function version(): string {
  return z.object({ version: z.string() }).parse(JSON.parse(readFileSync(installedFile('package.json'), 'utf8'))).version;
}
