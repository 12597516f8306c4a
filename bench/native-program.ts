import { existsSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from './command.js';

/** The project's root, seen from dist/bench/. */
export const projectRoot = fileURLToPath(new URL('../..', import.meta.url));

/** Path of one of the programs in native/, compiled where that has not been done. */
export async function nativeProgram(name: 'many-files' | 'one-request'): Promise<string> {
  const source = join(projectRoot, 'bench', 'native', `${name}.c`);
  const program = join(projectRoot, 'build', 'bench', name);
  if (existsSync(program) && statSync(program).mtimeMs > statSync(source).mtimeMs) return program;
  mkdirSync(join(projectRoot, 'build', 'bench'), { recursive: true });
  await run('cc', '-O2', '-Wall', '-Wextra', '-Werror', '-o', program, source);
  return program;
}
