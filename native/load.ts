import { createRequire } from 'node:module';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from './package-root.js';

const requireNative = createRequire(import.meta.url);

/**
 * Loads one of the syscall shims that binding.gyp builds. The compiled tree is `dist/`, the shims
 * are in `build/Release/` beside it.
 */
export function loadShim<Shim>(name: 'seqpacket' | 'helper' | 'server' | 'passthrough'): Shim {
  const path = join(packageRoot, 'build', 'Release', `${name}.node`);
  if (!existsSync(path)) throw new Error(`the native part ${path} is missing: run "npm run build"`);
  return requireNative(path) as Shim;
}
