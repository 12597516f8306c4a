import { readFileSync, readlinkSync } from 'node:fs';

/** What keeps a server from the rest of the machine, as the kernel tells it. */
export interface ServerWalls {
  readonly user: number;
  readonly capabilities: 'none' | `0x${string}`;
  readonly noNewPrivileges: boolean;
  /** How many filters its system calls have to pass. */
  readonly seccompFilters: number;
  /** Those that are not ours, by their names in /proc/PID/ns; undefined where we may not look. */
  readonly namespaces: readonly string[] | undefined;
}

const NAMESPACES = ['cgroup', 'ipc', 'mnt', 'net', 'pid', 'user', 'uts'] as const;

/** Undefined where there is nothing to be seen of it. */
export function wallsOf(pid: number): ServerWalls | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const field = (name: string): string => new RegExp(`^${name}:\\s*(\\S+)`, 'mu').exec(status)?.[1] ?? '';
    const capabilities = [field('CapEff'), field('CapPrm'), field('CapBnd')];
    return {
      user: Number(field('Uid')),
      capabilities: capabilities.every((set) => /^0+$/u.test(set)) ? 'none' : `0x${field('CapBnd').replace(/^0+(?=.)/u, '')}`,
      noNewPrivileges: field('NoNewPrivs') === '1',
      seccompFilters: field('Seccomp') === '2' ? Number(field('Seccomp_filters') || 1) : 0,
      namespaces: namespacesOf(pid),
    };
  } catch {
    return undefined;
  }
}

function namespacesOf(pid: number): string[] | undefined {
  try {
    return NAMESPACES.filter((name) => readlinkSync(`/proc/${pid}/ns/${name}`) !== readlinkSync(`/proc/self/ns/${name}`));
  } catch {
    return undefined;
  }
}
