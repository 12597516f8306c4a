/** What has changed since the last look, of the mounts and of the devices that appeared. */
import { isOurs, type MountEntry } from '../mount/mountinfo.js';
import type { Record } from './record.js';

/** `source` is the device or image, as the mount table and udev name it. */
export type MonitorEvent =
  | { readonly event: 'appeared'; readonly source: string; readonly type: string; readonly label: string; readonly uuid: string }
  | { readonly event: 'ignored'; readonly source: string; readonly because: string }
  | { readonly event: 'failed'; readonly source: string; readonly code: string; readonly message: string; readonly hint: string }
  | { readonly event: 'offered'; readonly source: string; readonly target: string; readonly idle: number }
  | { readonly event: 'warned'; readonly source: string; readonly message: string }
  | ({ readonly event: 'mounted'; readonly type: string; readonly readOnly: boolean; readonly options: readonly string[] } & Place)
  | ({ readonly event: 'unmounted' } & Place)
  | { readonly event: 'ejected'; readonly source: string }
  | { readonly event: 'gone'; readonly source: string };

interface Place {
  readonly source: string;
  readonly target: string;
  /** Of the mount, "major:minor". */
  readonly device: string;
}

export class Observer {
  #mounts: ReadonlyMap<number, MountEntry> = new Map();
  #records: ReadonlyMap<string, Record> = new Map();

  /** The first time, all that is there. */
  observe(mounts: readonly MountEntry[], records: readonly Record[]): readonly MonitorEvent[] {
    const [mountsBefore, recordsBefore] = [this.#mounts, this.#records];
    this.#mounts = new Map(mounts.filter(isOurs).map((mount) => [mount.id, mount]));
    this.#records = new Map(records.map((record) => [record.name, record]));
    return [
      ...added(recordsBefore, this.#records).map(appeared),
      ...added(mountsBefore, this.#mounts).map(mounted),
      ...[...this.#records.values()].flatMap((record) => (isSame(recordsBefore.get(record.name), record) ? [] : outcome(record))),
      ...added(this.#mounts, mountsBefore).map(unmounted),
      ...added(this.#records, recordsBefore).map(({ node }): MonitorEvent => ({ event: 'gone', source: node })),
    ];
  }
}

const added = <Key, Value>(before: ReadonlyMap<Key, Value>, after: ReadonlyMap<Key, Value>): Value[] =>
  [...after].flatMap(([key, value]) => (before.has(key) ? [] : [value]));

const isSame = (one: Record | undefined, other: Record): boolean => JSON.stringify(one) === JSON.stringify(other);

const appeared = ({ node, type, label, uuid }: Record): MonitorEvent => ({ event: 'appeared', source: node, type, label, uuid });

const mounted = ({ source, target, device, type, options }: MountEntry): MonitorEvent =>
  ({ event: 'mounted', source, target, device, type, readOnly: options.includes('ro'), options });

const unmounted = ({ source, target, device }: MountEntry): MonitorEvent => ({ event: 'unmounted', source, target, device });

function outcome(record: Record): MonitorEvent[] {
  const { node: source } = record;
  switch (record.state) {
    case 'appeared':
      return [];
    case 'ignored':
      return [{ event: 'ignored', source, because: record.because }];
    case 'failed':
      return [{ event: 'failed', source, code: record.code, message: record.message, hint: record.hint }];
    case 'offered':
      return [{ event: 'offered', source, target: record.target, idle: record.idle }];
    case 'ejected':
      return [{ event: 'ejected', source }];
    case 'mounted':
      return record.warnings.map((message) => ({ event: 'warned', source, message }));
  }
}
