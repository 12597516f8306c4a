import { existsSync, mkdirSync, readdirSync, renameSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from './command.js';

/** The project's root, seen from dist/test/support/. */
export const projectRoot = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');

const sources = join(projectRoot, 'test', 'support', 'native');
const compiled = join(projectRoot, 'build', 'test');
const builds = new Map<string, Promise<string>>();

/** The program is one file, or the folder of that name is, with its headers. */
function sourcesOf(name: string): readonly string[] {
  const folder = join(sources, name);
  if (!existsSync(folder)) return [`${folder}.c`];
  return readdirSync(folder).map((file) => join(folder, file));
}

async function compile(name: string, program = join(compiled, name), ...flags: readonly string[]): Promise<string> {
  const files = sourcesOf(name);
  if (existsSync(program) && files.every((file) => statSync(program).mtimeMs > statSync(file).mtimeMs)) return program;
  mkdirSync(compiled, { recursive: true });
  // Another test file may be at it too: each compiles to a name of its own and puts it in place.
  const unfinished = `${program}.${process.pid}`;
  await run('cc', ['-O2', '-Wall', '-Wextra', '-Werror', ...flags, '-o', unfinished, ...files.filter((file) => file.endsWith('.c'))]);
  renameSync(unfinished, program);
  return program;
}

/** Path of a test program in C, compiled where that has not been done. */
export function nativeProgram(name: 'memory-file' | 'manifest' | 'fill' | 'encrypt' | 'syscalls' | 'exercise-file' | 'exercise-tree'): Promise<string> {
  const build = builds.get(name) ?? compile(name);
  builds.set(name, build);
  return build;
}

/** Where the headers of this Node are: with it, or where distributions put them. */
const headers = [dirname(dirname(process.execPath)), '/usr', '/usr/local'].map((root) => join(root, 'include', 'node'));

/** Path of an addon for Node in C, compiled where that has not been done. */
export function nativeAddon(name: 'system-calls'): Promise<string> {
  const flags = ['-shared', '-fPIC', '-pthread', '-D_GNU_SOURCE', ...headers.map((directory) => `-I${directory}`)];
  const build = builds.get(name) ?? compile(name, join(compiled, `${name}.node`), ...flags);
  builds.set(name, build);
  return build;
}
