/** What became of each device that appeared: a file for each, for whoever takes it away again, and for fuse4fs monitor. */
import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import * as z from 'zod';
import { namesIn } from '../mount/names-in.js';

export const SYSTEM_RECORDS = '/run/fuse4fs/automount';

const SUFFIX = '.json';

const facts = { name: z.string(), node: z.string(), label: z.string(), uuid: z.string(), type: z.string() };
/** Of a mapping or a RAID: devices with one of which it goes. */
const foundations = z.array(z.string()).default([]);
const record = z.discriminatedUnion('state', [
  z.object({ ...facts, state: z.literal('appeared') }),
  z.object({ ...facts, state: z.literal('ignored'), because: z.string() }),
  z.object({ ...facts, state: z.literal('failed'), code: z.string(), message: z.string(), hint: z.string() }),
  z.object({
    ...facts,
    state: z.literal('offered'),
    target: z.string(),
    owner: z.int(),
    /** Seconds. */
    idle: z.int(),
    isNew: z.boolean(),
    foundations,
  }),
  z.object({
    ...facts,
    state: z.literal('mounted'),
    target: z.string(),
    /** Of the mount, "major:minor". */
    device: z.string(),
    readOnly: z.boolean(),
    owner: z.int(),
    warnings: z.array(z.string()),
    /** The directory was made for it. */
    isNew: z.boolean(),
    foundations,
  }),
  z.object({ ...facts, state: z.literal('ejected'), target: z.string(), isNew: z.boolean() }),
]);

export type Record = z.infer<typeof record>;
export type DeviceFacts = Pick<Record, keyof typeof facts>;

/** Whoever looks finds it whole. */
export function write(directory: string, what: Record): void {
  mkdirSync(directory, { recursive: true, mode: 0o755 });
  const path = join(directory, `${what.name}${SUFFIX}`);
  const prepared = `${path}.new`;
  writeFileSync(prepared, `${JSON.stringify(what)}\n`);
  // Whatever the umask is: everybody may know.
  chmodSync(prepared, 0o644);
  renameSync(prepared, path);
}

/** Undefined where there is none, or none that is understood. */
export function read(directory: string, name: string): Record | undefined {
  try {
    return record.parse(JSON.parse(readFileSync(join(directory, `${name}${SUFFIX}`), 'utf8')));
  } catch {
    return undefined;
  }
}

export function remove(directory: string, name: string): void {
  rmSync(join(directory, `${name}${SUFFIX}`), { force: true });
}

export function readAll(directory: string): readonly Record[] {
  return namesIn(directory).flatMap((name) => (name.endsWith(SUFFIX) ? (read(directory, name.slice(0, -SUFFIX.length)) ?? []) : []));
}
