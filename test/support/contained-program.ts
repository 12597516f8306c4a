import { HANDSHAKE_DESCRIPTOR, installedFile, packagesWithDependencies, serverProgram, type ServerProgram, type Shown } from '../../helper/mount/server-root.js';

const HOME = '/fuse4fs';
/** What a program of test/support imports: the modules that the server's own bundle is made of. */
const MODULES = ['dist/native', 'dist/protocol', 'dist/server', 'dist/test/support'];

/** A compiled file of test/support, contained as the server is, in place of the server. */
export function containedProgram(script: string, ...parameters: readonly string[]): ServerProgram {
  const { shown, command } = serverProgram();
  return {
    shown: [...shown.filter(({ inside }) => !inside.startsWith(`${HOME}/dist/`)), ...modules()],
    command: [command[0], `${HOME}/dist/test/support/${script}`, ...parameters],
  };
}

const modules = (): Shown[] => [
  ...MODULES.map((path) => ({ outside: installedFile(path), inside: `${HOME}/${path}` })),
  ...[...packagesWithDependencies(['protobufjs', 'zod'])].map(([name, outside]) => ({ outside, inside: `${HOME}/node_modules/${name}` })),
];

/** The server that attacks its walls (test/support/attacks), contained as the server is; its addon is built already. */
export function attackingProgram(): ServerProgram {
  const { shown, command } = containedProgram('attacks/server.js', `--socket-fd=${HANDSHAKE_DESCRIPTOR}`);
  return { shown: [...shown, { outside: installedFile('build/test/system-calls.node'), inside: `${HOME}/build/test/system-calls.node` }], command };
}
