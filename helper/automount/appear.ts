/** A device has appeared: it is mounted, or it is said why not. */
import type { NeedJournal } from '../../protocol/service/messages.js';
import { exitStatus, MountError } from '../mount/errors.js';
import { openJournal } from '../mount/external-journal.js';
import { mountOpened, systemEnvironment, type MountResult } from '../mount/mount.js';
import { kernelMounter } from '../mount/mounter.js';
import { parseOptions, type MountOptions } from '../mount/options.js';
import type { Runtime } from '../mount/runtime.js';
import { openSource, type Source } from '../mount/source.js';
import { log } from '../log.js';
import { deviceNamed, type Device } from './device.js';
import { reasonToLeave } from './left-alone.js';
import { directoryName } from './name.js';
import { accountNamed, activeUser, type Owner } from './owner.js';
import { claimPlace, prepareDirectory, prepareUserDirectory } from './place.js';
import { readPolicy, ruleFor, type Policy, type Rule } from './policy.js';
import { write, type DeviceFacts } from './record.js';

/** Where everything is; tests have places of their own. */
export interface Surroundings {
  readonly policy: string;
  readonly fstab: string;
  /** Of logind: /run/systemd. */
  readonly logind: string;
  readonly records: string;
  /** What udevadm would say of the device; undefined: it is asked. */
  readonly properties: string | undefined;
  readonly runtime: Runtime;
}

/** What an administrator's rule can undo by naming the opposite. */
const CAUTION = ['nosuid', 'nodev', 'noexec', 'damaged=ro'];

interface Placed {
  readonly result: MountResult;
  readonly owner: Owner | undefined;
  readonly isNew: boolean;
}

/**
 * @returns the exit status, of mount(8)
 * @throws MountError where there is no such device
 */
export async function appear(name: string, surroundings: Surroundings): Promise<number> {
  const device = deviceNamed(name, surroundings.properties);
  const facts = factsOf(device);
  write(surroundings.records, { ...facts, state: 'appeared' });
  try {
    const policy = readPolicy(surroundings.policy);
    const rule = reasonToLeave(device, surroundings.fstab) ?? ruleFor(policy, device);
    if (typeof rule === 'string') {
      log('info', `${name}: left alone: ${rule}`);
      write(surroundings.records, { ...facts, state: 'ignored', because: rule });
      return exitStatus.success;
    }
    const { result, owner, isNew } = await mountAsTold(device, rule, policy, surroundings);
    const { target, device: number, readOnly, warnings } = result;
    write(surroundings.records, { ...facts, state: 'mounted', target, device: number, readOnly, owner: owner?.uid ?? 0, warnings: [...warnings], isNew });
    log('notice', `${name}: mounted on ${target}${owner === undefined ? '' : ` for ${owner.name}`}${readOnly ? ', read-only' : ''}`);
    for (const warning of warnings) log('warning', `${name}: ${warning}`);
    return exitStatus.success;
  } catch (error) {
    const failure = error instanceof MountError ? error : new MountError('INTERNAL', error instanceof Error ? (error.stack ?? error.message) : String(error));
    const { reason, message, hint } = failure;
    write(surroundings.records, { ...facts, state: 'failed', code: reason, message, hint });
    log('warning', `${name}: not mounted (${reason}): ${message}${hint === '' ? '' : `; ${hint}`}`);
    return failure.exitStatus;
  }
}

const factsOf = ({ name, node, label, uuid, type }: Device): DeviceFacts => ({ name, node, label, uuid, type });

async function mountAsTold(device: Device, rule: Rule, policy: Policy, surroundings: Surroundings): Promise<Placed> {
  const options = optionsOf(rule);
  const owner = rule.owner === 'session' ? activeUser(device.seat, surroundings.logind) : accountNamed(rule.owner);
  const source = await openSource(device.node, { readOnly: options.flags.readOnly });
  try {
    assertSame(source, device);
    const place = claimPlace(parentOf(rule, policy, owner), directoryName(device.label, device.uuid));
    try {
      const { uid = 0, gid = 0 } = owner ?? {};
      const result = await mountOpened(
        {
          source,
          target: place,
          options,
          foreground: false,
          // Whose mount it is may unmount it; who may use what in it say its own permissions.
          mounter: (wanted) => kernelMounter({ ...wanted, users: { userId: uid, groupId: gid, allowOther: true } }),
          journal: (need) => journalFor(need, options, source),
          owner: uid,
        },
        { ...systemEnvironment(), runtime: surroundings.runtime },
      );
      return { result, owner, isNew: place.isNew };
    } catch (error) {
      place.discard();
      throw error;
    } finally {
      place.close();
    }
  } finally {
    source.close();
  }
}

/** A disk that anybody may have made gets no other device than the policy gives it. */
async function journalFor(need: NeedJournal, { helper: { journal } }: MountOptions, { writable }: Source): Promise<Source> {
  if (journal.path !== undefined || journal.deviceNumber !== undefined) return await openJournal(need, journal, !writable);
  throw new MountError('SOURCE_NOT_FOUND', 'the filesystem keeps its journal on another device', 'name it in a rule of the policy: "options": ["journal_path=DEVICE"]');
}

/** Each is one word, whatever commas it has. */
const optionsOf = ({ options, readOnly }: Rule): MountOptions => parseOptions([...CAUTION, ...options, ...(readOnly ? ['ro'] : [])].map((word) => `"${word}"`));

function parentOf({ root }: Rule, { userRoot, systemRoot }: Policy, owner: Owner | undefined): string {
  if (root !== undefined) return prepareDirectory(root);
  return owner === undefined || owner.uid === 0 ? prepareDirectory(systemRoot) : prepareUserDirectory(userRoot, owner);
}

/** A name may have changed hands since udev spoke of it. */
function assertSame({ device: opened }: Source, { name, number }: Device): void {
  const found = opened === undefined ? 'no block device' : `${opened.major}:${opened.minor}`;
  if (found !== number) throw new MountError('SOURCE_NOT_USABLE', `${name} is another device by now (${found} instead of ${number})`);
}
