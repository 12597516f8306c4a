// Generates the static protobuf code, so that the server runs with code generation from strings disallowed.
import { copyFileSync, existsSync, mkdirSync, statSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const cli = dirname(createRequire(import.meta.url).resolve('protobufjs-cli/package.json'));
const out = 'protocol/service/generated';
const generate = (tool, args) => {
  const { status } = spawnSync(process.execPath, [join(cli, 'bin', tool), ...args], { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
};
/** Generating takes ten seconds, and the contract seldom changes. */
const isUpToDate = () => {
  const made = `${out}/service.d.ts`;
  return existsSync(made) && ['protocol/service/service.proto', 'scripts/build-protocol.mjs', 'package-lock.json'].every((source) => statSync(source).mtimeMs < statSync(made).mtimeMs);
};

mkdirSync(out, { recursive: true });
if (!isUpToDate()) {
  generate('pbjs', [
    '-t', 'static-module', '-w', 'es6', '--import-extension', 'js', '--force-number', '--no-service', '--no-verify', '--no-delimited',
    '-o', `${out}/service.js`, 'protocol/service/service.proto',
  ]);
  generate('pbts', ['-o', `${out}/service.d.ts`, `${out}/service.js`]);
}
const compiled = `dist/${out}`;
mkdirSync(compiled, { recursive: true });
copyFileSync(`${out}/service.js`, `${compiled}/service.js`);
