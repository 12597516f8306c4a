// node scripts/server-rootfs.mjs DIRECTORY: lays out all that the server may see, Node included, as the
// root file system of its container. The same list as the helper's own sandbox shows.
import { cpSync, mkdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { serverProgram } from '../dist/helper/mount/server-root.js';

const [root] = process.argv.slice(2);
if (root === undefined) {
  console.error('usage: node scripts/server-rootfs.mjs DIRECTORY');
  process.exit(1);
}
for (const { outside, inside } of serverProgram().shown) {
  const target = join(root, inside);
  mkdirSync(dirname(target), { recursive: true });
  cpSync(outside, target, { recursive: true, dereference: true });
}
