/** Runs where the server would, tries what a server that has been taken over would try, and reports on the socket. */
import { spawnSync } from 'node:child_process';
import { lstatSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { hostname, networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { Channel } from '../../protocol/seqpacket/channel.js';

export interface ProbeReport {
  readonly pid: number;
  readonly uid: number;
  readonly gid: number;
  readonly groups: readonly number[];
  readonly hostname: string;
  readonly environment: readonly string[];
  readonly interfaces: readonly string[];
  /** Everything below the root that is not in a shown directory. */
  readonly tree: readonly string[];
  /** What was tried, and how it ended: an errno name, or "done". */
  readonly attempts: Readonly<Record<string, string>>;
}

function outcome(act: () => unknown): string {
  try {
    act();
    return 'done';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
}

const HOME = '/fuse4fs';

function tree(directory: string): string[] {
  return readdirSync(directory).flatMap((name) => {
    const path = join(directory, name);
    if (path === HOME) return [];
    return lstatSync(path).isDirectory() ? [`${path}/`, ...tree(path)] : [path];
  });
}

function tryConnecting(port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: '127.0.0.1', port });
    socket.on('connect', () => resolve('done')).on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
}

async function report([outerPid = '1', port = '1', secret = '']: readonly string[]): Promise<ProbeReport> {
  return {
    pid: process.pid,
    uid: process.getuid?.() ?? -1,
    gid: process.getgid?.() ?? -1,
    groups: process.getgroups?.() ?? [],
    hostname: hostname(),
    environment: Object.keys(process.env),
    interfaces: Object.keys(networkInterfaces()),
    tree: tree('/').sort(),
    attempts: {
      'read /etc/passwd': outcome(() => readFileSync('/etc/passwd')),
      'read /proc/self/mounts': outcome(() => readFileSync('/proc/self/mounts')),
      'open /dev/fuse': outcome(() => openSync('/dev/fuse', 'r+')),
      'open /dev/null': outcome(() => openSync('/dev/null', 'r')),
      'list /sys': outcome(() => readdirSync('/sys')),
      'list the old root': outcome(() => readdirSync('/.outside')),
      'list ..': outcome(() => readdirSync('/../../../etc')),
      'write to /': outcome(() => writeFileSync('/new', '')),
      'write to /tmp': outcome(() => writeFileSync('/tmp/new', '')),
      'change itself': outcome(() => writeFileSync(`${HOME}/dist/server/main.cjs`, '')),
      'add to itself': outcome(() => writeFileSync(`${HOME}/dist/server/new.js`, '')),
      'change node': outcome(() => writeFileSync('/node', '')),
      'read the helper': outcome(() => readdirSync(`${HOME}/dist/helper`)),
      'read what was shown': secret === '' ? 'not asked' : outcome(() => readFileSync(secret)),
      'become root': outcome(() => process.setuid?.(0)),
      'signal a process outside': outcome(() => process.kill(Number(outerPid), 0)),
      'run a shell': outcome(() => {
        const { error } = spawnSync('/bin/sh', ['-c', 'true']);
        if (error !== undefined) throw error;
      }),
      'connect to the host': await tryConnecting(Number(port)),
    },
  };
}

if (process.argv[1]?.includes('containment-probe')) {
  const channel = Channel.adopt(3);
  channel.send(new TextEncoder().encode(JSON.stringify(await report(process.argv.slice(2)))), [], 1000);
  // The test looks at us from outside meanwhile.
  channel.receive(60_000);
}
