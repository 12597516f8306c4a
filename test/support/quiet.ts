import type { Test } from 'tap';

type Requests = Readonly<Record<string, number>>;

/** So often may the kernel have dropped something from its caches just then: it does so when memory is short, and when it is told to. */
const ROUNDS = 50;

/**
 * A look that the kernel answers from its caches, without the server. What it was never allowed to keep it asks for
 * in each round.
 */
export async function assertQuietAtLast(t: Test, look: () => unknown, requests: () => Promise<Requests>): Promise<void> {
  // The kernel passes every statfs(2) on, and find, du and umount(8), of whatever mount namespace, make some.
  const asked = async (): Promise<Requests> => ({ ...(await requests()), STATFS: 0 });
  for (let round = 1, before = await asked(); ; round++) {
    await look();
    const after = await asked();
    const differing = Object.keys(after).filter((name) => after[name] !== before[name]);
    if (differing.length === 0 || round === ROUNDS) return void t.same(differing, [], `nothing is asked in round ${round}`);
    before = after;
  }
}
