import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../../support/command.js';
import { projectRoot } from '../../support/native.js';

const builds = new Map<string, Promise<string>>();

async function compile(name: string): Promise<string> {
  const program = join(tmpdir(), name);
  await run('cc', ['-O2', '-Wall', '-Wextra', '-Werror', '-o', program, join(projectRoot, 'test', 'kernel', 'native', `${name}.c`)]);
  return program;
}

/** Path of a server for the test kernel, compiled there. */
export function compiledProgram(name: 'mapped-files' | 'recording-disk'): Promise<string> {
  const build = builds.get(name) ?? compile(name);
  builds.set(name, build);
  return build;
}
