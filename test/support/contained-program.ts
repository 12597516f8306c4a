import { installedFile, serverProgram, type ServerProgram } from '../../helper/mount/server-root.js';

/** A compiled file of test/support, contained as the server is, in place of the server. */
export function containedProgram(script: string, ...parameters: readonly string[]): ServerProgram {
  const { shown, command } = serverProgram();
  return {
    shown: [...shown, { outside: installedFile('dist/test/support'), inside: '/fuse4fs/dist/test/support' }],
    command: [command[0], `/fuse4fs/dist/test/support/${script}`, ...parameters],
  };
}
