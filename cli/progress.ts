import { Worker } from 'node:worker_threads';

/** What takes longer is worth a word. */
const PATIENCE = 2000;

/**
 * Says on a terminal what is being waited for, if it takes long. The main thread is blocked in a
 * system call meanwhile, so another one does it.
 */
export async function withProgress<Result>(what: string, act: () => Result | Promise<Result>): Promise<Result> {
  if (!process.stderr.isTTY) return await act();
  const worker = new Worker(new URL('./progress-thread.js', import.meta.url), { workerData: { what, patience: PATIENCE }, stderr: false });
  try {
    return await act();
  } finally {
    await worker.terminate();
  }
}
