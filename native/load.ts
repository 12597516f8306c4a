import { createRequire } from 'node:module';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const require = createRequire(import.meta.url);

/**
 * Loads one of the syscall shims that binding.gyp builds. The compiled tree is `dist/`, the shims
 * are in `build/Release/` beside it.
 */
export function loadShim<Shim>(name: 'seqpacket' | 'helper' | 'server'): Shim {
  const here = dirname(fileURLToPath(import.meta.url));
  const path = join(here, '..', '..', 'build', 'Release', `${name}.node`);
  if (!existsSync(path)) throw new Error(`the native part ${path} is missing: run "npm run build"`);
  return require(path) as Shim;
}
