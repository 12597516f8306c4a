import { HANDSHAKE_DESCRIPTOR, installedFile, serverProgram, type ServerProgram } from '../../helper/mount/server-root.js';

/** A compiled file of test/support, contained as the server is, in place of the server. */
export function containedProgram(script: string, ...parameters: readonly string[]): ServerProgram {
  const { shown, command } = serverProgram();
  return {
    shown: [...shown, { outside: installedFile('dist/test/support'), inside: '/fuse4fs/dist/test/support' }],
    command: [command[0], `/fuse4fs/dist/test/support/${script}`, ...parameters],
  };
}

/** The server that attacks its walls (test/support/attacks), contained as the server is; its addon is built already. */
export function attackingProgram(): ServerProgram {
  const { shown, command } = containedProgram('attacks/server.js', `--socket-fd=${HANDSHAKE_DESCRIPTOR}`);
  return { shown: [...shown, { outside: installedFile('build/test/system-calls.node'), inside: '/fuse4fs/build/test/system-calls.node' }], command };
}
