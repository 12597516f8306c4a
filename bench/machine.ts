import { readFileSync } from 'node:fs';

/** What a result has to say about where it was measured. */
export interface Machine {
  readonly processor: string;
  readonly processors: number;
  readonly memory: string;
}

export function machine(): Machine {
  const processors = readFileSync('/proc/cpuinfo', 'utf8');
  const memory = Number(/^MemTotal:\s+(\d+)/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1] ?? 0);
  return {
    processor: /^model name\s*:\s*(.*)$/m.exec(processors)?.[1] ?? 'unknown',
    processors: processors.match(/^processor/gm)?.length ?? 1,
    memory: `${Math.round(memory / 1024)} MiB`,
  };
}
