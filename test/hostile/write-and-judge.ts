import { MemoryDevice } from '../support/memory-device.js';
import { Random } from '../support/random.js';
import { disturb, type Disturbance } from './disturb.js';
import { changedContents, newDamage, soundness, verdictOf, type Soundness } from './judge.js';

export interface Judged extends Disturbance {
  /** Undefined: not asked for, or refused. */
  readonly soundness?: Soundness;
  /** What is worse than before, and should not be. */
  readonly worse: readonly string[];
}

const OPERATIONS = 60;

/**
 * Opens a copy for writing, does random operations, and closes it; compares with another copy that was
 * only opened and closed, which recovers the journal and deletes what a crash left.
 */
export function writeAndJudge(bytes: Uint8Array, seed: number, judge: boolean, beat: () => void = () => undefined): Judged {
  const written = new MemoryDevice(bytes.slice());
  const disturbance = disturb(written, new Random(seed), OPERATIONS, beat);
  if (disturbance.refused !== undefined || !judge) return { ...disturbance, worse: [] };

  const opened = new MemoryDevice(bytes.slice());
  disturb(opened, new Random(seed), 0, beat);
  const before = verdictOf(opened.bytes);
  beat();
  const kind = soundness(before);
  if (before === undefined || kind === 'beyond judging') return { ...disturbance, soundness: kind, worse: [] };

  const worse = newDamage(before, verdictOf(written.bytes), disturbance.touched).map((line) => `e2fsck says: ${line}`);
  beat();
  const changed = changedContents(opened.bytes, written.bytes, disturbance.touched);
  beat();
  return { ...disturbance, soundness: kind, worse: [...worse, ...changed.map((inode) => `inode ${inode} was not touched, and has changed`)] };
}
