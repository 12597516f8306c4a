/** Each step of each end at which the peer can misbehave: one case, with the way to get there. */
import { openSync } from 'node:fs';
import type { Channel } from '../../protocol/seqpacket/channel.js';
import { closeDescriptors } from '../../protocol/seqpacket/descriptors.js';
import { descriptorsOf } from '../../protocol/service/codec.js';
import { HelperEnd, type HelperTimeouts } from '../../protocol/service/helper-end.js';
import type { Message, MessageType } from '../../protocol/service/messages.js';
import { ServerEnd, type ServerTimeouts } from '../../protocol/service/server-end.js';
import { samples, sending } from './handshake-samples.js';
import type { Step } from './handshake-script.js';

export type Timeouts = Partial<HelperTimeouts & ServerTimeouts>;

export interface Case {
  readonly what: string;
  readonly awaited: readonly MessageType[];
  readonly answer: Message;
  /** What a good peer does before this step. */
  readonly preparation: readonly Step[];
  /** What makes this step give up soon. */
  readonly shortened: Timeouts;
  /** Calls all methods up to this step. */
  walk(channel: Channel, timeouts: Timeouts): void;
  readonly mayReceiveDescriptors: boolean;
}

const device = openSync('/dev/null', 'r');
const take: Step = { do: 'take' };

const helperCalls: readonly ((end: HelperEnd) => unknown)[] = [
  (end) => end.hello(),
  (end) => end.source({ ...samples.source, descriptors: { device, fuse: device } }),
  (end) => end.journal({ ...samples.journal, descriptors: { device } }),
  (end) => end.mounted({ ...samples.mounted, descriptors: { fuseClones: [device] } }),
];
const helperSteps = [
  { awaited: ['welcome'], answer: samples.welcome, shortened: { welcome: 200 } },
  // The same timeout serves the step before the journal's, which must not fail: more patience.
  { awaited: ['needJournal', 'mountPlan'], answer: samples.needJournal, shortened: { mountPlan: 200 } },
  { awaited: ['mountPlan'], answer: samples.mountPlan, shortened: { mountPlan: 1000 } },
  { awaited: ['ready'], answer: samples.ready, shortened: { ready: 200 } },
] as const;

const serverCalls: readonly ((end: ServerEnd) => Message)[] = [
  (end) => end.source(),
  (end) => end.needJournal(samples.needJournal),
  (end) => end.mountPlan(samples.mountPlan),
];
const serverSteps = [
  { awaited: ['hello'], answer: samples.hello, shortened: { hello: 200 } },
  { awaited: ['source'], answer: samples.source, shortened: { source: 200 } },
  { awaited: ['journal'], answer: samples.journal, shortened: { journal: 200 } },
  { awaited: ['mounted'], answer: samples.mounted, shortened: { mounted: 200 } },
] as const;

export const cases: readonly Case[] = [
  ...helperSteps.map((step, index) => ({
    ...step,
    what: `helper waits for ${step.awaited.join(' or ')}`,
    preparation: [...helperSteps.slice(0, index).flatMap(({ answer }) => [take, sending(answer)]), take],
    walk(channel: Channel, timeouts: Timeouts) {
      const end = HelperEnd.start(channel, { timeouts });
      for (const call of helperCalls.slice(0, index + 1)) call(end);
    },
    mayReceiveDescriptors: false,
  })),
  ...serverSteps.map((step, index) => ({
    ...step,
    what: `server waits for ${step.awaited.join(' or ')}`,
    preparation: serverSteps.slice(0, index).flatMap(({ answer }) => [sending(answer), take]),
    walk(channel: Channel, timeouts: Timeouts) {
      const end = ServerEnd.accept(channel, { timeouts });
      for (const call of serverCalls.slice(0, index)) closeDescriptors(descriptorsOf(call(end)));
    },
    mayReceiveDescriptors: true,
  })),
];
