/** What is mounted as it appears, and how: /etc/fuse4fs/automount.json, or the defaults where there is none. */
import { isAbsolute, normalize } from 'node:path';
import * as z from 'zod';
import { MountError } from '../mount/errors.js';
import { bytes } from '../mount/option-values.js';
import { parseOptions } from '../mount/options.js';
import { readPolicyFile } from '../policy-file.js';
import type { Device } from './device.js';

export const POLICY = '/etc/fuse4fs/automount.json';

const place = z.string().refine((path) => isAbsolute(path) && normalize(path) === path, { error: 'is not an absolute path without "." and ".."' });
/** One of them, or any of several; "*" stands for any text. */
const pattern = z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]).transform((given) => [given].flat());
const size = z.union([z.int().min(0), z.string().pipe(bytes.schema).transform(Number)]);
const sizes = z.strictObject({ min: size.optional(), max: size.optional() });

const match = z.strictObject({
  bus: pattern.optional(),
  removable: z.boolean().optional(),
  uuid: pattern.optional(),
  label: pattern.optional(),
  type: pattern.optional(),
  partitionType: pattern.optional(),
  /** Only mappings have one. */
  mapping: pattern.optional(),
  size: sizes.optional(),
});

const option = z.string().superRefine((word, context) => {
  try {
    parseOptions([`"${word}"`]);
  } catch (error) {
    context.addIssue({ code: 'custom', message: error instanceof MountError ? error.message : String(error) });
  }
});

/** "session": whoever sits before the machine; otherwise a name of /etc/passwd, or a number. */
const owner = z.union([z.string().min(1), z.int().min(0).max(2 ** 32 - 2)]);

const rule = z.strictObject({
  match,
  ignore: z.boolean().default(false),
  readOnly: z.boolean().default(false),
  options: z.array(option).default([]),
  owner: owner.default('session'),
  /** In seconds: mounted when somebody looks, and unmounted when nobody has for so long; undefined: at once, and until it goes. */
  idle: z.int().min(1).max(2 ** 31).optional(),
  /** Directories are made right in there, and not in one of their owner's. */
  root: place.optional(),
});

const schema = z.strictObject({
  rules: z.array(rule).default([]),
  userRoot: place.default('/run/media'),
  systemRoot: place.default('/media'),
});

export type Policy = z.infer<typeof schema>;
export type Rule = z.infer<typeof rule>;

/** Read again for each device, so that a change holds at once. */
export const readPolicy = (path: string): Policy => readPolicyFile(path, schema, 'fuse4fs-automount.json(5)') ?? schema.parse({});

const withoutRule: Rule = rule.parse({ match: {} });

/** How it is to be mounted, or why not. The first rule that matches decides. */
export function ruleFor({ rules }: Policy, device: Device): Rule | string {
  if (device.tag === 'ignore') return 'a rule of udev says FUSE4FS_AUTOMOUNT=0';
  const index = rules.findIndex(({ match }) => matches(match, device));
  const found = rules[index];
  if (found?.ignore === true) return `the policy says so: rules[${index}]`;
  if (found !== undefined) return found;
  return device.isExternal || device.tag === 'mount' ? withoutRule : 'it is not removable, and no rule of the policy is about it';
}

function matches(wanted: z.infer<typeof match>, device: Device): boolean {
  const { bus, removable, uuid, label, type, partitionType, mapping, size: limits } = wanted;
  return (
    oneOf(bus, device.bus) &&
    (removable === undefined || removable === device.removable) &&
    oneOf(uuid?.map((text) => text.toLowerCase()), device.uuid) &&
    oneOf(label, device.label) &&
    oneOf(type, device.type) &&
    oneOf(partitionType?.map((text) => text.toLowerCase()), device.partitionType) &&
    (mapping === undefined || (device.mapping !== '' && oneOf(mapping, device.mapping))) &&
    device.bytes >= (limits?.min ?? 0) &&
    device.bytes <= (limits?.max ?? Infinity)
  );
}

const oneOf = (patterns: readonly string[] | undefined, text: string): boolean =>
  patterns === undefined || patterns.some((each) => new RegExp(`^${each.split('*').map(literally).join('.*')}$`, 'su').test(text));

const literally = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/]/gu, '\\$&');
