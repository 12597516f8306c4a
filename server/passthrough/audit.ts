import { writeSync } from 'node:fs';
import type { Request } from '../session/request.js';
import { childPath, pathOf, type TreeNode } from './node.js';
import { toText } from './pattern.js';
import type { Decision } from './policy.js';

const STDERR = 2;
/** systemd reads a syslog priority at the beginning of a line, where stderr goes to the journal. */
const PREFIX = process.env['JOURNAL_STREAM'] === undefined ? '' : '<5>';

export type AuditedEvent = 'open' | 'create' | 'link' | 'rename' | 'remove' | 'change';

/** What a program did with a file, if the policy wants that to be known. */
export function auditNode(node: TreeNode, event: AuditedEvent, request: Request, outcome: number, flags?: number): void {
  if (node.decision.audited) report(event, request, pathOf(node), outcome, flags);
}

/** The same of a name in a directory. */
export function auditName(directory: TreeNode, name: string, { audited }: Decision, event: AuditedEvent, request: Request, outcome: number): void {
  if (audited) report(event, request, childPath(directory, name), outcome);
}

/**
 * One line of JSON: who did what to which path, and what came of it. Unlike messages, none is left out, however many
 * there are.
 */
function report(event: AuditedEvent, { uid, gid, pid }: Request, path: string, outcome: number, flags?: number): void {
  const line = { audit: event, time: new Date().toISOString(), path: toText(path), uid, gid, pid, ...(flags !== undefined && { flags }), errno: outcome < 0 ? -outcome : 0 };
  try {
    writeSync(STDERR, `${PREFIX}${JSON.stringify(line)}\n`);
  } catch {
    // Nobody reads it any more; that is no reason to stop serving.
  }
}
