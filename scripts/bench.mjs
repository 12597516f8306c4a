// npm run bench [-- OPTIONS]: installs what is missing, builds, and measures; --help tells the options.
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { requireNpmPackages, requireTools } from './requirements.mjs';

process.chdir(join(dirname(fileURLToPath(import.meta.url)), '..'));

if (requireTools('bench').length > 0) process.exit(1);
requireNpmPackages();

const run = (command, ...args) => spawnSync(command, args, { stdio: 'inherit' }).status ?? 1;
const built = run('npm', 'run', '--silent', 'build');
process.exit(built === 0 ? run(process.execPath, 'dist/bench/main.js', ...process.argv.slice(2)) : built);
