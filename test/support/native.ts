import { existsSync, mkdirSync, renameSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from './command.js';

/** The project's root, seen from dist/test/support/. */
export const projectRoot = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..');

const sources = join(projectRoot, 'test', 'support', 'native');
const compiled = join(projectRoot, 'build', 'test');
const builds = new Map<string, Promise<string>>();

async function compile(name: string): Promise<string> {
  const source = join(sources, `${name}.c`);
  const program = join(compiled, name);
  if (existsSync(program) && statSync(program).mtimeMs > statSync(source).mtimeMs) return program;
  mkdirSync(compiled, { recursive: true });
  // Another test file may be at it too: each compiles to a name of its own and puts it in place.
  const unfinished = `${program}.${process.pid}`;
  await run('cc', ['-O2', '-Wall', '-Wextra', '-Werror', '-o', unfinished, source]);
  renameSync(unfinished, program);
  return program;
}

/** Path of a test program in C, compiled where that has not been done. */
export function nativeProgram(name: 'memory-file' | 'manifest' | 'fill' | 'encrypt' | 'syscalls' | 'exercise-file' | 'exercise-tree'): Promise<string> {
  const build = builds.get(name) ?? compile(name);
  builds.set(name, build);
  return build;
}
