/** Contains the probe, looks at it from outside, and prints what both found: containment-start.js [OUTSIDE-PATH INSIDE-PATH] */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { createServer } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { openServerLog } from '../../helper/mount/server-log.js';
import { startServer } from '../../helper/mount/start-server.js';
import { containedProgram } from './contained-program.js';
import type { ProbeReport } from './containment-probe.js';
import { processesWith } from './helper-workbench.js';

export interface OutsideView {
  readonly name: string;
  readonly status: Readonly<Record<string, string>>;
  readonly namespaces: Readonly<Record<string, string>>;
  /** What the descriptors from 3 on lead to; "outside: …" if it is not on a mount of its own namespace. */
  readonly descriptors: readonly string[];
  readonly mounts: readonly string[];
}

export interface Containment {
  readonly probe: ProbeReport;
  readonly ours: Readonly<Record<string, string>>;
  readonly processes: readonly OutsideView[];
  readonly exit: { readonly status: number | null; readonly report: string };
  readonly left: number;
}

function namespaces(pid: number | 'self'): Record<string, string> {
  return Object.fromEntries(
    ['cgroup', 'ipc', 'mnt', 'net', 'pid_for_children', 'user', 'uts'].map((name) => [name, readlinkSync(`/proc/${pid}/ns/${name}`)]),
  );
}

function look(pid: number): OutsideView {
  const status = Object.fromEntries(
    readFileSync(`/proc/${pid}/status`, 'utf8')
      .split('\n')
      .map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()]),
  ) as Record<string, string>;
  const mounts = readFileSync(`/proc/${pid}/mountinfo`, 'utf8').trim().split('\n');
  const ids = new Set(mounts.map((line) => line.split(' ')[0]));
  const leadsTo = (fd: string): string => {
    const path = readlinkSync(`/proc/${pid}/fd/${fd}`);
    const id = /^mnt_id:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'latin1'))?.[1];
    return path.startsWith('/') && !ids.has(id) ? `outside: ${path}` : path;
  };
  return {
    name: status['Name'] ?? '',
    status,
    namespaces: namespaces(pid),
    descriptors: readdirSync(`/proc/${pid}/fd`).filter((fd) => Number(fd) > 2).map(leadsTo),
    mounts,
  };
}

async function main([outside, inside]: readonly string[]): Promise<Containment> {
  const listener = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address() as AddressInfo;
  const mark = `mark-${process.pid}-${port}`;
  const program = containedProgram('containment-probe.js', String(process.pid), String(port), inside ?? '', mark);
  const shown = outside !== undefined && inside !== undefined ? [...program.shown, { outside, inside }] : program.shown;
  const log = openServerLog(true, undefined);
  const server = startServer('/does/not/exist', () => ({ ...program, shown }), log);
  const { bytes } = server.channel.receive(60_000);
  const processes = processesWith(mark).map(look);
  server.channel.send(new Uint8Array([0]), [], 1000);
  if (server.process === undefined) throw new Error('something listens on a socket that does not exist');
  const exit = await server.process.end(60_000);
  server.channel.close();
  listener.close();
  return {
    probe: JSON.parse(new TextDecoder().decode(bytes)) as ProbeReport,
    ours: namespaces('self'),
    processes,
    exit,
    left: processesWith(mark).length,
  };
}

if (process.argv[1]?.includes('containment-start')) console.log(JSON.stringify(await main(process.argv.slice(2))));
