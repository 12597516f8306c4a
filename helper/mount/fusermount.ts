import { spawnSync } from 'node:child_process';
import { accessSync, closeSync, constants } from 'node:fs';
import { errorText, shim } from '../native/shim.js';
import { MountError } from './errors.js';
import { mountOn } from './mountinfo.js';
import { maxReadOf, type Mounter, type MounterRequest } from './mounter.js';

/** Set-user-ID root programs that mount FUSE for users, where the administrator permits it. */
const PROGRAMS = ['/usr/bin/fusermount3', '/bin/fusermount3', '/usr/local/bin/fusermount3', '/usr/bin/fusermount'];

/** As large as a request can be: fusermount mounts before the server has spoken. */
const MAX_READ = 2 ** 20;

/** The server wants the mount read-only, and it is not. Mount again, read-only. */
export class NeedsReadOnly extends Error {
  override readonly name = 'NeedsReadOnly';
  readonly warnings: readonly string[];

  constructor(warnings: readonly string[]) {
    super('the mount has to be read-only');
    this.warnings = warnings;
  }
}

/** For users, through fusermount3. @throws MountError PERMISSION where it is missing, or refuses */
export function fusermountMounter({ source, target, options }: MounterRequest): Mounter {
  const { flags, helper } = options;
  if (helper.iomap === 'on') throw new MountError('PERMISSION', 'only root can mount with iomap=on', 'iomap=auto mounts without it');
  const program = findFusermount();
  const readOnly = flags.readOnly || !source.writable;
  const words = [
    readOnly ? 'ro' : 'rw',
    'nosuid',
    'nodev',
    ...(flags.noExec ? ['noexec'] : []),
    ...(flags.accessTime === 'noatime' ? ['noatime'] : []),
    ...(flags.synchronous ? ['sync'] : []),
    ...(flags.dirSync ? ['dirsync'] : []),
    `fsname=${escape(helper.name ?? source.name)}`,
    'subtype=fuse4fs',
    'default_permissions',
    ...(helper.allowOther ? ['allow_other'] : []),
    `max_read=${helper.maxRead ?? MAX_READ}`,
  ];
  const fuseDescriptor = mountThrough(program, words.join(','), target.path);
  const discard = (): void => void spawnSync(program, ['-u', '-z', '--', target.path], { stdio: 'ignore' });
  return {
    fuseDescriptor,
    prepare: (plan) => {
      if ((plan.readOnly && !readOnly) || (maxReadOf(plan) ?? MAX_READ) < MAX_READ) {
        throw new NeedsReadOnly(plan.warnings);
      }
      const [major = 0, minor = 0] = mountOn(target.path)?.device.split(':').map(Number) ?? [];
      return {
        device: { major, minor },
        visibleAt: target.path,
        attach: () => undefined,
        discard,
        close: () => undefined,
      };
    },
    discard,
    close: () => closeSync(fuseDescriptor),
  };
}

export function findFusermount(): string {
  const program = PROGRAMS.find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
  if (program !== undefined) return program;
  throw new MountError('PERMISSION', 'only root can mount here', 'fusermount3, from the package fuse3, lets other users mount');
}

/** fusermount splits at commas, unless a backslash is before them. */
const escape = (value: string): string => value.replace(/[\\,]/g, '\\$&');

/** fusermount opens /dev/fuse, mounts it, and sends the descriptor over the socket that _FUSE_COMMFD names. */
function mountThrough(program: string, words: string, target: string): number {
  const ends = new Uint8Array(8);
  const result = shim.socketpairStream(ends);
  if (result < 0) throw new MountError('SYSTEM', `socketpair: ${errorText(result)}`);
  const [ours = -1, theirs = -1] = new Int32Array(ends.buffer);
  try {
    const { status, stderr } = spawnSync(program, ['-o', words, '--', target], {
      env: { _FUSE_COMMFD: '3' },
      stdio: ['ignore', 'ignore', 'pipe', theirs],
      encoding: 'utf8',
    });
    const about = new Uint8Array(8);
    const descriptor = status === 0 && shim.receiveStream(ours, new Uint8Array(1), about) >= 0 ? (new Int32Array(about.buffer)[1] ?? -1) : -1;
    if (descriptor < 0) throw refusal(stderr, words);
    return descriptor;
  } finally {
    closeSync(ours);
    closeSync(theirs);
  }
}

function refusal(stderr: string, words: string): MountError {
  const said = withoutName(stderr).replaceAll('\n', '; ') || 'fusermount3 failed';
  if (said.includes('/dev/fuse')) return new MountError('PERMISSION', said, 'the administrator has to let users open /dev/fuse');
  const hint = words.includes('allow_other') ? 'allow_other needs user_allow_other in /etc/fuse.conf' : 'you have to own the mount point';
  return new MountError('PERMISSION', said, hint);
}

/** What fusermount says, without its own name. */
export const withoutName = (stderr: string): string => stderr.trim().replace(/^(\S*\/)?fusermount3?: /gm, '');
