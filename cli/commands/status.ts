import { Command } from 'commander';
import { readStatus, type MountStatus } from '../../helper/mount/status.js';
import type { ServerWalls } from '../../helper/mount/server-walls.js';
import { Output } from '../output.js';

export function statusCommand(): Command {
  return new Command('status')
    .summary('show what is mounted, and how its servers are doing')
    .description('Shows every fuse4fs mount: source, mount point, the server’s process, requests served, cache, kernel features in use.')
    .option('--json', 'as one JSON object: {"mounts": [{"source", "target", "pid", …}]}')
    .action(({ json = false }: { json?: boolean }) => {
      const mounts = readStatus();
      // "mounts" stands beside "warnings", so that the object is what a monitoring script expects.
      if (json) process.stdout.write(`${JSON.stringify({ mounts, warnings: [] })}\n`);
      else new Output('fuse4fs', false).result(mounts, mounts.length === 0 ? 'nothing is mounted' : mounts.map(describe).join('\n\n'));
    });
}

function describe(mount: MountStatus): string {
  const { source, target, type, options, pid, problem } = mount;
  const lines = [`${source} on ${target} type ${type} (${options.join(',')})`];
  if (problem !== undefined) return [...lines, `  ${problem}`].join('\n');
  lines.push(`  server     process ${pid ?? 'unknown'}${memoryOf(mount)}${uptimeOf(mount)}`);
  const requests = countersOf(mount['requests']);
  if (requests !== undefined) lines.push(`  requests   ${requests}`, `  errors     ${String(mount['errors'] ?? 0)}`);
  const { watches, watchedNodes, ...held } = gaugesOf(mount['cache']);
  const cache = mount['cache'] === undefined ? undefined : countersOf(held);
  if (cache !== undefined) lines.push(`  cache      ${cache}`);
  if (watches !== undefined) lines.push(`  watched    ${watches === 0 ? 'nothing: what others change is seen within a second' : `${String(watchedNodes)} files and directories`}`);
  const features = mount['kernelFeatures'];
  if (mount.walls !== undefined) lines.push(`  confined   ${wallsIn(mount.walls, mount['confinement'])}`);
  if (Array.isArray(features)) lines.push(`  kernel     ${features.map(String).join(' ').toLowerCase()}`);
  return lines.join('\n');
}

function wallsIn({ user, capabilities, noNewPrivileges, seccompFilters, namespaces }: ServerWalls, confinement: unknown): string {
  const { landlock } = (typeof confinement === 'object' && confinement !== null ? confinement : {}) as { readonly landlock?: unknown };
  return [
    `user ${user}`,
    capabilities === 'none' ? 'no capabilities' : `capabilities ${capabilities}`,
    noNewPrivileges ? 'no_new_privs' : 'may gain privileges',
    seccompFilters > 0 ? `seccomp (${seccompFilters} filters)` : 'no seccomp',
    // Nobody but the server itself knows.
    typeof landlock === 'number' && landlock > 0 ? `landlock ${landlock}` : 'no landlock',
    ...(namespaces === undefined ? [] : [namespaces.length > 0 ? `own namespaces: ${namespaces.join(' ')}` : 'no namespaces of its own']),
  ].join(', ');
}

const gaugesOf = (value: unknown): Readonly<Record<string, unknown>> => (typeof value === 'object' && value !== null ? { ...value } : {});

function countersOf(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const entries = Object.entries(value).filter(([, count]) => typeof count === 'number' && count > 0);
  return entries.map(([name, count]) => `${name.toLowerCase()} ${String(count)}`).join(', ') || 'none yet';
}

function memoryOf({ rssBytes }: MountStatus): string {
  return typeof rssBytes === 'number' ? `, ${Math.round(rssBytes / 2 ** 20)} MiB` : '';
}

function uptimeOf({ uptimeSeconds }: MountStatus): string {
  return typeof uptimeSeconds === 'number' ? `, up ${Math.round(uptimeSeconds)} s` : '';
}
