import { writeSync } from 'node:fs';
import { workerData } from 'node:worker_threads';

const { what, patience } = workerData as { readonly what: string; readonly patience: number };
const started = performance.now();
const TERMINAL = 2;

setTimeout(() => {
  writeSync(TERMINAL, `${what} …\n`);
  setInterval(() => writeSync(TERMINAL, `${what}: ${Math.round((performance.now() - started) / 1000)} s\n`), 10_000);
}, patience);
