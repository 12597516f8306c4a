import type { Test } from 'tap';

export interface Verdict {
  readonly name: string;
  readonly thread: 'filesystem' | 'main';
  /** "done: RESULT", or the name of an errno. */
  readonly outcome: string;
  readonly denied: boolean;
}

/** The file below the mount point that holds the verdicts, as JSON; looking for it starts the attack. */
export const REPORT = 'report';
/** Between the two threads of the server. */
export const ORDERS = 'attacks';
/** The abstract name of a socket outside, on which somebody listens who must not be reached. */
export const BYSTANDER = '\0fuse4fs-attacked';

const AT_LEAST = 60;

/** @param report what the file REPORT says */
export function assertDenied(t: Test, report: string): void {
  const verdicts = JSON.parse(report) as Verdict[];
  for (const thread of ['filesystem', 'main'] as const) {
    const tried = verdicts.filter((verdict) => verdict.thread === thread);
    t.ok(tried.length >= AT_LEAST, `${tried.length} attempts in the ${thread} thread`);
    for (const { name, outcome, denied } of tried) t.ok(denied, `${thread} thread: ${name}: ${outcome}`);
  }
}
