// Generates the static protobuf code, so that the server runs with code generation from strings disallowed.
import { copyFileSync, existsSync, mkdirSync, statSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const cli = dirname(createRequire(import.meta.url).resolve('protobufjs-cli/package.json'));
/** One folder each: NAME/NAME.proto becomes NAME/generated/NAME.js. */
const contracts = ['service', 'broker'];
const generate = (tool, args) => {
  const { status } = spawnSync(process.execPath, [join(cli, 'bin', tool), ...args], { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
};
/** Generating takes ten seconds, and the contracts seldom change. */
const isUpToDate = (contract, made) =>
  existsSync(made) && [contract, 'scripts/build-protocol.mjs', 'package-lock.json'].every((source) => statSync(source).mtimeMs < statSync(made).mtimeMs);

for (const name of contracts) {
  const contract = `protocol/${name}/${name}.proto`;
  const out = `protocol/${name}/generated`;
  mkdirSync(out, { recursive: true });
  if (!isUpToDate(contract, `${out}/${name}.d.ts`)) {
    generate('pbjs', [
      '-t', 'static-module', '-w', 'es6', '--import-extension', 'js', '--force-number', '--no-service', '--no-verify', '--no-delimited',
      // Each contract in a registry of its own: messages of the same name are not the same message.
      '-r', name,
      '-o', `${out}/${name}.js`, contract,
    ]);
    generate('pbts', ['-o', `${out}/${name}.d.ts`, `${out}/${name}.js`]);
  }
  const compiled = `dist/${out}`;
  mkdirSync(compiled, { recursive: true });
  copyFileSync(`${out}/${name}.js`, `${compiled}/${name}.js`);
}
