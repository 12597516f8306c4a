import { closeDescriptors } from '../../protocol/seqpacket/descriptors.js';
import { HelperEnd } from '../../protocol/service/helper-end.js';
import { DIRECT_DEVICE, DIRECTORY_TREE, TREE_WATCHER, type MountPlan, type NeedJournal } from '../../protocol/service/messages.js';
import { shim } from '../native/shim.js';
import type { PreparedMount } from './attach.js';
import { exitStatus, MountError } from './errors.js';
import { cloneFuse } from './fuse-device.js';
import { NeedsReadOnly } from './fusermount.js';
import { isRoot } from './identity.js';
import { maxPagesLimit, raiseReadAhead } from './kernel-settings.js';
import type { MountEnvironment } from './mount-environment.js';
import { explainFailure } from './mount-failure.js';
import type { MountPoint } from './mount-point.js';
import { isReadOnly, type Mounter, type MounterRequest } from './mounter.js';
import type { MountOptions } from './options.js';
import { openServerLog, type ServerLog } from './server-log.js';
import { openPastCache, type Source } from './source.js';
import { connectToServer, startServer, startTreeServer, type Server, type ServerProcess } from './start-server.js';
import { listenForStatus, type StatusListener } from './status-listener.js';
import { startTreeBrokers, type TreeBrokers } from './tree-brokers.js';

/** What is mounted where, opened already, and on whose behalf. */
export interface OpenedRequest {
  readonly source: Source;
  readonly target: MountPoint;
  readonly options: MountOptions;
  readonly foreground: boolean;
  readonly mounter: (wanted: MounterRequest) => Mounter;
  /** Opens the device that holds the journal, where the filesystem says that another one does. */
  readonly journal: (need: NeedJournal) => Promise<Source>;
  /** Who may ask the server for its status beside root. */
  readonly owner?: number;
}

export interface MountResult {
  readonly source: string;
  readonly target: string;
  readonly device: string;
  readonly readOnly: boolean;
  readonly label: string;
  readonly uuid: string;
  readonly kernelFeatures: readonly string[];
  /** Where the server's messages go, if not to our standard error. */
  readonly log: string | undefined;
  readonly warnings: readonly string[];
  /** Where the server can be asked. */
  readonly statusSocket: string | undefined;
  /** Undefined if the service manager runs it. */
  readonly server: ServerProcess | undefined;
}

/** From here on nothing is opened by a name that the caller gave. Source and target stay the caller's to close. */
export async function mountOpened(request: OpenedRequest, environment: MountEnvironment): Promise<MountResult> {
  assertInside(request.source, request.options);
  const log = openServerLog(request.foreground, environment.runtime.mounts);
  const result = await mountWithServer(request, log, environment);
  log.close();
  if (!request.foreground) result.server?.leave();
  return result;
}

/** Of a part of the source (offset=, sizelimit=). */
export function assertInside(source: Source, { helper: { offset, sizeLimit } }: MountOptions): void {
  if (source.kind === 'DIRECTORY') return;
  if (offset + sizeLimit <= source.size && offset < source.size) return;
  throw new MountError('BAD_OPTION', `offset and sizelimit lead beyond the end of ${source.name}, which has ${source.size} bytes`);
}

async function mountWithServer(request: OpenedRequest, log: ServerLog, environment: MountEnvironment): Promise<MountResult> {
  const { source, target, options } = request;
  let server: Server | undefined;
  let mounter: Mounter | undefined;
  let prepared: PreparedMount | undefined;
  let listener: StatusListener | undefined;
  let brokers: TreeBrokers | undefined;
  let end: HelperEnd | undefined;
  try {
    const { server: waiting } = request.options.helper;
    const isTree = source.kind === 'DIRECTORY';
    if (isTree) server = startTreeServer(environment.treeProgram, log);
    else server = waiting === undefined ? startServer(environment.runtime.serviceSocket, environment.program, log) : connectToServer(waiting);
    const offer = isTree ? { requiredFeatures: [DIRECTORY_TREE], optionalFeatures: [TREE_WATCHER] } : { optionalFeatures: [DIRECT_DEVICE] };
    end = HelperEnd.start(server.channel, { timeouts: environment.timeouts, offer });
    const { features } = end.hello();
    mounter = request.mounter({ source, target, options, oldApi: environment.oldApi });
    const plan = await describe(end, features, mounter.fuseDescriptor, request);

    prepared = mounter.prepare(plan);
    const device = `${prepared.device.major}:${prepared.device.minor}`;
    listener = listenForStatus(environment.runtime.mounts, device, request.owner);
    if (environment.interruptible) {
      shim.exitWhenInterrupted(exitStatus.interrupted, listener?.path ?? '', prepared.visibleAt ?? '');
    }
    const fuseClones = cloneFuse(mounter.fuseDescriptor, plan.fuseClones);
    if (isTree && isRoot()) {
      brokers = startTreeBrokers(mounter.fuseDescriptor, source.descriptor, prepared.device, {
        registers: options.helper.passthrough,
        watches: features.has(TREE_WATCHER) && options.helper.watch,
        readOnly: isReadOnly(plan, options, source),
      });
    }
    const descriptors = { fuseClones, ...(listener && { statusListener: listener.descriptor }), ...brokers?.descriptors };
    const ready = (() => {
      try {
        return end.mounted({ descriptors, deviceNumber: device });
      } finally {
        closeDescriptors(fuseClones);
      }
    })();
    raiseReadAhead(device);
    log.belongsTo(device);
    // If we are killed before the next line, the mount vanishes, and the server with it.
    await server.process?.keep();
    prepared.attach();

    prepared.close();
    listener?.close();
    return {
      source: source.name,
      target: target.path,
      device,
      readOnly: isReadOnly(plan, options, source),
      label: plan.label,
      uuid: plan.uuid,
      kernelFeatures: ready.kernelFeatures,
      log: log.place,
      statusSocket: listener?.path,
      warnings: warningsOf(source, plan, ready.warnings),
      server: server.process,
    };
  } catch (error) {
    end?.refuse({ code: 'INTERNAL', message: error instanceof Error ? error.message : String(error), hint: '' });
    // As long as there is the mount, nobody else has its number.
    listener?.discard();
    if (prepared === undefined) mounter?.discard();
    else prepared.discard();
    const exit = await server?.process?.end(environment.patience);
    const failure = error instanceof NeedsReadOnly ? error : explainFailure(error, exit, log);
    log.discard();
    throw failure;
  } finally {
    brokers?.close();
    end?.close();
    mounter?.close();
  }
}

/** Tells the server about the source, and learns what the mount needs. */
async function describe(end: HelperEnd, features: ReadonlySet<string>, fuse: number, request: OpenedRequest): Promise<MountPlan> {
  const answer = tell(end, features, fuse, request);
  if (answer.type === 'mountPlan') return answer;
  const journal = await request.journal(answer);
  try {
    return end.journal({ descriptors: { device: journal.descriptor }, size: journal.size, name: journal.name });
  } finally {
    journal.close();
  }
}

function tell(end: HelperEnd, features: ReadonlySet<string>, fuse: number, { source, target, options }: OpenedRequest): MountPlan | NeedJournal {
  const directDevice = features.has(DIRECT_DEVICE) ? openPastCache(source) : undefined;
  try {
    return end.source({
      descriptors: { device: source.descriptor, fuse, ...(source.policy !== undefined && { policy: source.policy }), ...(directDevice !== undefined && { directDevice }) },
      name: source.name,
      kind: source.kind,
      size: source.size,
      offset: options.helper.offset,
      sizeLimit: options.helper.sizeLimit,
      writable: source.writable,
      options: [...options.server, ...(source.policy === undefined ? [] : [`policy=${options.helper.policy ?? ''}`])],
      target: target.path,
      maxPagesLimit: maxPagesLimit(),
      sectorSize: source.sectorSize,
    });
  } finally {
    if (directDevice !== undefined) closeDescriptors([directDevice]);
  }
}

function warningsOf(source: Source, plan: MountPlan, late: readonly string[]): string[] {
  const { name, readOnlyBecause } = source;
  const own = readOnlyBecause === undefined ? [] : [`${name} cannot be written to (${readOnlyBecause}): mounted read-only`];
  return [...new Set([...own, ...plan.warnings, ...late])];
}
