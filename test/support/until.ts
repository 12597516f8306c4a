import { setTimeout as pause } from 'node:timers/promises';

/** In milliseconds. Far more than anything takes: a machine may have other work. */
const PATIENCE = 240_000;
const LOOK = 50;

/** Looks until there is something. @param explain what to say of it where there never is */
export async function until<Result>(what: string, look: () => Promise<Result | undefined> | Result | undefined, explain?: () => Promise<string>): Promise<Result> {
  for (const deadline = performance.now() + PATIENCE; performance.now() < deadline; await pause(LOOK)) {
    const found = await look();
    if (found !== undefined) return found;
  }
  throw new Error(`waited in vain: ${what}\n${(await explain?.()) ?? ''}`);
}
