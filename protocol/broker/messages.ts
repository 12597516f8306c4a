/** The messages of broker.proto as the program sees them: parsed, with descriptors in named places. Nothing here is trusted. */
import * as z from 'zod';
import { code, descriptor, deviceNumber, textOfAtMost } from '../packets/fields.js';

const LIMITS = { text: 4096, options: 256, list: 64 } as const;

const text = textOfAtMost(LIMITS.text);
const texts = z.array(text).transform((all) => all.slice(0, LIMITS.list)).readonly();
const option = z.string().min(1).max(LIMITS.text).regex(/^[^\0"\p{Surrogate}]*$/u, 'contains a NUL or a quote, or is not Unicode');
const component = z.string().min(1).max(255)
  .regex(/^[^\0/\p{Surrogate}]*$/u, 'is not one component of a path')
  .refine((value) => value !== '.' && value !== '..', 'is not a name');

const mountRequest = z.object({
  type: z.literal('mountRequest'),
  descriptors: z.object({ source: descriptor, mountPoint: descriptor.optional(), mountNamespace: descriptor, journal: descriptor.optional() }).readonly(),
  options: z.array(option).max(LIMITS.options).readonly(),
  detached: z.boolean(),
  target: text,
}).refine(({ detached, descriptors }) => detached === (descriptors.mountPoint === undefined), 'a mount is either attached to a mount point or detached').readonly();

const unmountRequest = z.object({
  type: z.literal('unmountRequest'),
  descriptors: z.object({ parent: descriptor, mountNamespace: descriptor }).readonly(),
  name: component,
  lazy: z.boolean(),
}).readonly();

const ejectRequest = z.object({ type: z.literal('ejectRequest'), name: component, powerOff: z.boolean() }).readonly();

const mounted = z.object({
  type: z.literal('mounted'),
  descriptors: z.object({ mount: descriptor.optional() }).readonly(),
  source: text,
  target: text,
  device: deviceNumber,
  readOnly: z.boolean(),
  label: text,
  uuid: text,
  kernelFeatures: texts,
  warnings: texts,
  log: text,
}).readonly();

const unmounted = z.object({ type: z.literal('unmounted'), target: text }).readonly();

const ejected = z.object({ type: z.literal('ejected'), disk: text, how: z.enum(['ejected', 'detached', 'powered off']) }).readonly();

const refusal = z.object({
  type: z.literal('refusal'),
  code,
  reason: code,
  message: text,
  hint: text,
}).readonly();

export const schemas = { mountRequest, unmountRequest, ejectRequest, mounted, unmounted, ejected, refusal } as const;

export type MountRequest = z.infer<typeof mountRequest>;
export type UnmountRequest = z.infer<typeof unmountRequest>;
export type EjectRequest = z.infer<typeof ejectRequest>;
export type Mounted = z.infer<typeof mounted>;
export type Unmounted = z.infer<typeof unmounted>;
export type Ejected = z.infer<typeof ejected>;
export type Refusal = z.infer<typeof refusal>;

export type MessageType = keyof typeof schemas;
export type Request = MountRequest | UnmountRequest | EjectRequest;
export type Answer = Mounted | Unmounted | Ejected | Refusal;
export type Message = Request | Answer;
