/** Whose a mount is: of the user who sits before the machine, as logind knows it, or of whom the policy names. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MountError } from '../mount/errors.js';

export interface Owner {
  readonly uid: number;
  readonly gid: number;
  readonly name: string;
}

/**
 * Undefined: nobody sits there. Read as libsystemd's sd_seat_get_active(3) reads it, from the files that logind
 * keeps for that: the bus need not run yet, or answer.
 * @param logind where they are: /run/systemd
 */
export function activeUser(seat: string, logind: string): Owner | undefined {
  if (!/^seat[a-zA-Z0-9_-]{0,32}$/u.test(seat)) return undefined;
  const session = variablesOf(join(logind, 'seats', seat)).get('ACTIVE') ?? '';
  if (!/^[a-zA-Z0-9]{1,64}$/u.test(session)) return undefined;
  const facts = variablesOf(join(logind, 'sessions', session));
  const uid = facts.get('UID') ?? '';
  // Not whom the display manager or the lock screen runs as.
  if (facts.get('CLASS') !== 'user' || !/^\d{1,10}$/u.test(uid)) return undefined;
  return accountOf(Number(uid));
}

/** @throws MountError where there is no such account */
export function accountNamed(wanted: string | number): Owner {
  const account = accountOf(wanted);
  if (account === undefined) throw new MountError('SYSTEM', `there is no user ${wanted}`, 'the policy names it as owner: fuse4fs-automount.json(5)');
  return account;
}

function accountOf(wanted: string | number): Owner | undefined {
  for (const line of textOf('/etc/passwd').split('\n')) {
    const [name = '', , uid = '', gid = ''] = line.split(':');
    if (!/^\d+$/u.test(uid) || (name !== wanted && Number(uid) !== wanted)) continue;
    return { uid: Number(uid), gid: Number(gid), name };
  }
  // Of a directory service; the number is as good a name.
  return typeof wanted === 'number' ? { uid: wanted, gid: wanted, name: String(wanted) } : undefined;
}

function variablesOf(path: string): ReadonlyMap<string, string> {
  const lines = textOf(path).split('\n').map((line) => /^([A-Z_]+)=(.*)$/u.exec(line));
  return new Map(lines.flatMap((found) => (found === null ? [] : [[found[1] ?? '', found[2] ?? '']])));
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
