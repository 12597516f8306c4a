import { attempts, type Surroundings } from './attempts.js';
import { outcomeOf } from './system-calls.js';
import type { Verdict } from './verdict.js';

/** Tries everything in the calling thread; what can only be tried once, in the filesystem thread. */
export function attack(thread: Verdict['thread'], surroundings: Surroundings): Verdict[] {
  const tried = attempts.filter(({ once = false }) => !once || thread === 'filesystem');
  return tried.map(({ name, act, deniedBy = ['EPERM'] }) => {
    const outcome = outcomeOf(act(surroundings));
    return { name, thread, outcome, denied: deniedBy.includes(outcome) };
  });
}
