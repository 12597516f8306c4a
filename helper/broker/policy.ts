/** What users may have mounted: /etc/fuse4fs/helper.json, or the defaults where there is none. */
import * as z from 'zod';
import { MountError } from '../mount/errors.js';
import { optionTable } from '../mount/option-table.js';
import { readPolicyFile } from '../policy-file.js';
import { nameOf, type Caller } from './caller.js';

export const POLICY = '/etc/fuse4fs/helper.json';

/** Flags that would undo what holds for all mounts of users. */
const UNDOING: readonly string[] = ['suid', 'dev'];
/** What concerns nothing but the user's own filesystem. An option that is not listed is not for users. */
const USUAL: readonly string[] = [
  ...optionTable.flatMap(({ to, name }) => ((to === 'flags' && !UNDOING.includes(name)) || to === 'nobody' ? [name] : [])),
  'offset', 'sizelimit', 'default_permissions', 'max_read',
  'sb', 'noload', 'norecovery', 'errors', 'damaged', 'cache', 'data', 'commit', 'acl', 'noacl', 'user_xattr', 'nouser_xattr', 'barrier', 'nobarrier',
  'discard', 'nodiscard', 'usrquota', 'quota', 'grpquota', 'prjquota', 'noquota', 'bsddf', 'minixdf', 'grpid', 'bsdgroups', 'nogrpid',
  'sysvgroups', 'resuid', 'resgid', 'debug',
];
/** Only where the policy names them: what the mount table shows, and whether the server's mappings reach the device. */
const UNUSUAL: readonly string[] = ['fsname', 'iomap', 'iomap_profile'];

const permissible = [...USUAL, ...UNUSUAL];

/** A name of /etc/passwd or /etc/group, or a number. */
const identity = z.union([z.string().min(1), z.int().min(0).max(2 ** 32 - 2)]);
const identities = z.array(identity);
const everybody = z.literal('*');
const who = z.strictObject({ users: z.union([identities, everybody]).default([]), groups: identities.default([]) });
/** Made by the installation, without members. */
const OUR_GROUP = 'fuse4fs';
const kind = z.enum(['image', 'blockDevice', 'imageOnFuse']);
const option = z.string().refine((name) => permissible.includes(name), { error: 'is not an option that can be permitted' });

const schema = z.strictObject({
  mount: who.default({ users: '*', groups: [] }),
  allowOther: who.default({ users: [], groups: [OUR_GROUP] }),
  sources: z.array(kind).default(['image', 'blockDevice']),
  mostMounts: z.int().min(0).max(1000).default(16),
  options: z.array(option).default([...USUAL]),
});

export type Policy = z.infer<typeof schema>;
export type SourceKind = z.infer<typeof kind>;

export const defaultPolicy: Policy = schema.parse({});

/** Read again for each request, so that a change holds at once. */
export const readPolicy = (path: string): Policy => readPolicyFile(path, schema, 'fuse4fs-helper.json(5)') ?? defaultPolicy;

type Who = Policy['mount'];

function includes({ users, groups }: Who, caller: Caller): boolean {
  if (users === '*') return true;
  const userName = nameOf(caller.uid, '/etc/passwd');
  if (users.some((user) => user === caller.uid || user === userName)) return true;
  return caller.groups.some((gid) => groups.some((group) => group === gid || group === nameOf(gid, '/etc/group')));
}

const denied = (message: string, hint: string): MountError => new MountError('PERMISSION', message, hint, 'POLICY');

/* Each throws MountError PERMISSION, with the key of the policy to change as its hint. */

export function assertMayMount(policy: Policy, caller: Caller): void {
  if (!includes(policy.mount, caller)) throw denied(`user ${caller.uid} may not mount`, 'the administrator decides: "mount" in fuse4fs-helper.json(5)');
}

export function assertKind(policy: Policy, kind: SourceKind, name: string): void {
  if (policy.sources.includes(kind)) return;
  const what = { image: 'an image', blockDevice: 'a block device', imageOnFuse: 'an image on a FUSE filesystem' }[kind];
  throw denied(`${name} is ${what}, which users may not mount`, 'the administrator decides: "sources" in fuse4fs-helper.json(5)');
}

/** `words` are "key" or "key=value" each. */
export function assertOptions(policy: Policy, words: readonly string[], caller: Caller): void {
  for (const word of words) {
    const [name = ''] = word.split('=', 1);
    if (name === 'allow_other') {
      if (!includes(policy.allowOther, caller)) throw denied(`user ${caller.uid} may not let others in (allow_other)`, 'the administrator decides: "allowOther" in fuse4fs-helper.json(5)');
    } else if (!permissible.includes(name)) {
      throw denied(`option '${name}' is not for users`, UNDOING.includes(name) ? 'nosuid and nodev hold for all mounts of users' : '');
    } else if (!policy.options.includes(name)) {
      throw denied(`option '${name}' is not permitted to users`, 'the administrator decides: "options" in fuse4fs-helper.json(5)');
    }
  }
}

/** @param mounts that the user has already */
export function assertNumber(policy: Policy, mounts: number): void {
  if (mounts >= policy.mostMounts) throw denied(`you have ${mounts} mounts already, and may have ${policy.mostMounts}`, 'unmount one: fuse4fs umount TARGET');
}
