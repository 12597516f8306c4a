import { readFileSync } from 'node:fs';
import { MountError } from './errors.js';

/** Whom the server runs as. */
export interface Identity {
  readonly uid: number;
  readonly gid: number;
}

const NOBODY = 65534;

export const isRoot = (): boolean => process.geteuid?.() === 0;

/** Root gives the server to the user fuse4fs, if there is one, or to nobody; others run it as themselves. */
export function serverIdentity(): Identity {
  if (!isRoot()) return { uid: process.geteuid?.() ?? NOBODY, gid: process.getegid?.() ?? NOBODY };
  const identity = systemUser('fuse4fs') ?? { uid: NOBODY, gid: NOBODY };
  if (!isMapped(identity.uid, 'uid_map') || !isMapped(identity.gid, 'gid_map')) {
    throw new MountError(
      'SERVER_NOT_STARTED',
      `this user namespace has no user ${identity.uid} to run the server as`,
      'give the container more than one user id, or connect it to a server socket',
    );
  }
  return identity;
}

function systemUser(name: string): Identity | undefined {
  const line = new RegExp(`^${name}:[^:]*:(\\d+):(\\d+):`, 'm').exec(readFileSync('/etc/passwd', 'utf8'));
  const [uid = 0, gid = 0] = line?.slice(1).map(Number) ?? [];
  return uid > 0 && gid > 0 ? { uid, gid } : undefined;
}

function isMapped(id: number, map: 'uid_map' | 'gid_map'): boolean {
  const lines = readFileSync(`/proc/self/${map}`, 'latin1').trim().split('\n');
  return lines.some((line) => {
    const [first = 0, , count = 0] = line.trim().split(/\s+/).map(Number);
    return id >= first && id < first + count;
  });
}

/** fuseblk and claims of the kernel's own on devices exist only there. */
export function isInInitialUserNamespace(): boolean {
  return /^\s*0\s+0\s+4294967295\s*$/.test(readFileSync('/proc/self/uid_map', 'latin1'));
}
