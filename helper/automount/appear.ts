/** A device has appeared: it is mounted, or it is said why not. */
import type { NeedJournal } from '../../protocol/service/messages.js';
import { exitStatus, MountError } from '../mount/errors.js';
import { openJournal } from '../mount/external-journal.js';
import { systemEnvironment } from '../mount/mount-environment.js';
import { mountOpened } from '../mount/mount-opened.js';
import type { MountPoint } from '../mount/mount-point.js';
import { kernelMounter } from '../mount/mounter.js';
import { parseOptions, type MountOptions } from '../mount/options.js';
import type { Runtime } from '../mount/runtime.js';
import { openSource, type Source } from '../mount/source.js';
import { log } from '../log.js';
import { deviceNamed, type Device } from './device.js';
import { bindToFoundations } from './foundations.js';
import { reasonToLeave } from './left-alone.js';
import { directoryName } from './name.js';
import { offer } from './on-demand.js';
import { accountNamed, activeUser, type Owner } from './owner.js';
import { claimPlace, prepareDirectory, prepareUserDirectory } from './place.js';
import { readPolicy, ruleFor, type Policy, type Rule } from './policy.js';
import { write, type DeviceFacts, type Record } from './record.js';

/** Where everything is; tests have places of their own. */
export interface Surroundings {
  readonly policy: string;
  readonly fstab: string;
  /** Of logind: /run/systemd. */
  readonly logind: string;
  readonly records: string;
  /** A directory for each block device that is there: /sys/class/block. */
  readonly devices: string;
  /** Where systemd has units that last until the machine is shut down; only where systemd runs. */
  readonly units: string;
  /** A directory with what udevadm would say of each device; undefined: it is asked. */
  readonly properties: string | undefined;
  readonly runtime: Runtime;
}

/** What an administrator's rule can undo by naming the opposite. */
const CAUTION = ['nosuid', 'nodev', 'noexec', 'damaged=ro'];

/**
 * @returns the exit status, of mount(8)
 * @throws MountError where there is no such device
 */
export async function appear(name: string, surroundings: Surroundings): Promise<number> {
  const device = deviceNamed(name, surroundings.devices, surroundings.properties);
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
    write(surroundings.records, await follow(device, rule, policy, surroundings));
    bindToFoundations(device, surroundings.units);
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

/** @returns what became of it */
async function follow(device: Device, rule: Rule, policy: Policy, { logind, runtime, records }: Surroundings): Promise<Record> {
  const owner = rule.owner === 'session' ? activeUser(device.seat, logind) : accountNamed(rule.owner);
  const words = wordsOf(rule, owner);
  const options = parseOptions(words.map((word) => `"${word}"`));
  const source = await openSource(device.node, { readOnly: options.flags.readOnly });
  try {
    assertSame(source, device);
    const place = claimPlace(parentOf(rule, policy, owner), directoryName(device.label, device.uuid));
    try {
      const about = { ...factsOf(device), target: place.path, owner: owner?.uid ?? 0, isNew: place.isNew, foundations: [...device.foundations] };
      if (rule.idle === undefined) return { ...about, ...(await mountAtOnce(device.name, source, place, options, owner, runtime)) };
      source.release();
      offer({ name: device.name, node: device.node, target: place.path, options: words, idleSeconds: rule.idle, directory: records });
      log('notice', `${device.name}: is mounted on ${place.path}${forWhom(owner)} as soon as somebody looks`);
      return { ...about, state: 'offered', idle: rule.idle };
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

async function mountAtOnce(name: string, source: Source, place: MountPoint, options: MountOptions, owner: Owner | undefined, runtime: Runtime) {
  const journal = (need: NeedJournal): Promise<Source> => journalFor(need, options, source);
  const request = { source, target: place, options, foreground: false, mounter: kernelMounter, journal, owner: owner?.uid ?? 0 };
  const { device, readOnly, warnings } = await mountOpened(request, { ...systemEnvironment(), runtime });
  log('notice', `${name}: mounted on ${place.path}${forWhom(owner)}${readOnly ? ', read-only' : ''}`);
  for (const warning of warnings) log('warning', `${name}: ${warning}`);
  return { state: 'mounted' as const, device, readOnly, warnings: [...warnings] };
}

const forWhom = (owner: Owner | undefined): string => (owner === undefined ? '' : ` for ${owner.name}`);

/** A disk that anybody may have made gets no other device than the policy gives it. */
async function journalFor(need: NeedJournal, { helper: { journal } }: MountOptions, { writable }: Source): Promise<Source> {
  if (journal.path !== undefined || journal.deviceNumber !== undefined) return await openJournal(need, journal, !writable);
  throw new MountError('SOURCE_NOT_FOUND', 'the filesystem keeps its journal on another device', 'name it in a rule of the policy: "options": ["journal_path=DEVICE"]');
}

/** Whose mount it is may unmount it; who may use what is in it say its own permissions. */
const wordsOf = ({ options, readOnly }: Rule, owner: Owner | undefined): string[] => [
  ...CAUTION,
  ...(owner === undefined ? [] : [`owner_uid=${owner.uid}`, `owner_gid=${owner.gid}`]),
  ...options,
  ...(readOnly ? ['ro'] : []),
];

function parentOf({ root }: Rule, { userRoot, systemRoot }: Policy, owner: Owner | undefined): string {
  if (root !== undefined) return prepareDirectory(root);
  return owner === undefined || owner.uid === 0 ? prepareDirectory(systemRoot) : prepareUserDirectory(userRoot, owner);
}

/** A name may have changed hands since udev spoke of it. */
function assertSame({ device: opened }: Source, { name, number }: Device): void {
  const found = opened === undefined ? 'no block device' : `${opened.major}:${opened.minor}`;
  if (found !== number) throw new MountError('SOURCE_NOT_USABLE', `${name} is another device by now (${found} instead of ${number})`);
}
