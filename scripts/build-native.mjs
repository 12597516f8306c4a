// Builds the C shims with node-gyp, against the headers that came with this Node where they did.
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const prefix = dirname(dirname(process.execPath));
const nodedir = [prefix, '/usr', '/usr/local'].find((root) => existsSync(join(root, 'include/node/node_api.h')));
const nodeGyp = createRequire(import.meta.url).resolve('node-gyp/bin/node-gyp.js');
const isConfigured = existsSync('build/Makefile') && statSync('build/Makefile').mtimeMs > statSync('binding.gyp').mtimeMs;
const command = isConfigured ? ['build'] : ['configure', 'build'];
const run = (args) =>
  spawnSync(process.execPath, [nodeGyp, '--silent', ...args, ...(nodedir ? [`--nodedir=${nodedir}`] : [])], {
    stdio: 'inherit',
  }).status;
let status = run(command);
if (status !== 0 && command.length === 1) status = run(['rebuild']);
process.exit(status ?? 1);
