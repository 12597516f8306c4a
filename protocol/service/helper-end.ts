/**
 * The helper's end of the handshake (service.proto). Synchronous: each step blocks for its timeout at most.
 *
 *   const end = HelperEnd.start(channel);                 // the channel is the end's from here on
 *   end.hello();
 *   let answer = end.source({ descriptors: { device, fuse }, name, ... });
 *   if (answer.type === 'needJournal') answer = end.journal({ descriptors: { device }, size, name });
 *   ... mount as `answer` (a MountPlan) says ...
 *   const ready = end.mounted({ descriptors: { fuseClones, statusListener }, deviceNumber });
 *   end.close();
 *
 * Errors: RefusedError (the server said why), HandshakeError (it died, stalled or broke the protocol).
 * After either the channel is closed. HandshakeError STATE alone, a method called out of order, changes
 * nothing, and neither does a MALFORMED message of the caller's own, which is never sent.
 *
 * Descriptors: those the caller passes stay the caller's on every outcome; the server gets duplicates.
 * Close them when the server has its own. The helper receives none: the kernel is told to refuse them.
 * After an error the caller undoes what it did, the mount above all.
 */
import { HandshakeError } from '../packets/errors.js';
import type { Channel } from '../seqpacket/channel.js';
import { Conversation } from './conversation.js';
import type { Fields, Journal, MountPlan, Mounted, NeedJournal, Ready, Refusal, RefusalCode, Source } from './messages.js';
import { OFFER, accept, type Agreement, type Offer } from './negotiation.js';

/** Milliseconds for each answer. */
export interface HelperTimeouts {
  /** To start the server, where systemd does so on connect. */
  readonly welcome: number;
  /** To read the superblock and recover the journal, on a slow disk. */
  readonly mountPlan: number;
  readonly ready: number;
  /** For the server to take a packet off our hands. */
  readonly send: number;
}

const HELPER_TIMEOUTS: HelperTimeouts = { welcome: 15_000, mountPlan: 120_000, ready: 30_000, send: 5_000 };

export interface HelperOptions {
  readonly timeouts?: Partial<HelperTimeouts>;
  readonly offer?: Partial<Offer>;
}

/** What the caller may do next. */
export type HelperState = 'hello' | 'source' | 'journal' | 'mounted' | 'done' | 'closed';

export class HelperEnd {
  readonly #conversation: Conversation;
  readonly #timeouts: HelperTimeouts;
  readonly #offer: Offer;
  #state: HelperState = 'hello';
  #clones = 0;

  private constructor(channel: Channel, { timeouts, offer }: HelperOptions) {
    this.#conversation = new Conversation(channel, 'the server');
    this.#timeouts = { ...HELPER_TIMEOUTS, ...timeouts };
    this.#offer = { ...OFFER, ...offer };
  }

  static start(channel: Channel, options: HelperOptions = {}): HelperEnd {
    channel.refuseDescriptors();
    return new HelperEnd(channel, options);
  }

  get state(): HelperState {
    return this.#conversation.channel.isOpen ? this.#state : 'closed';
  }

  hello(): Agreement {
    this.#require('hello');
    this.#conversation.send({ type: 'hello', ...this.#offer }, this.#timeouts.send);
    const welcome = this.#conversation.receive(['welcome'], this.#timeouts.welcome);
    this.#state = 'source';
    return this.#orFail(() => accept(welcome, this.#offer));
  }

  source(source: Fields<Source>): NeedJournal | MountPlan {
    this.#require('source');
    this.#conversation.send({ type: 'source', ...source }, this.#timeouts.send);
    const answer = this.#conversation.receive(['needJournal', 'mountPlan'], this.#timeouts.mountPlan);
    return answer.type === 'mountPlan' ? this.#planned(answer) : this.#wanted(answer);
  }

  journal(journal: Fields<Journal>): MountPlan {
    this.#require('journal');
    this.#conversation.send({ type: 'journal', ...journal }, this.#timeouts.send);
    return this.#planned(this.#conversation.receive(['mountPlan'], this.#timeouts.mountPlan));
  }

  mounted(mounted: Fields<Mounted>): Ready {
    this.#require('mounted');
    if (mounted.descriptors.fuseClones.length > this.#clones) {
      throw new HandshakeError('STATE', `the server asked for ${this.#clones} clones of /dev/fuse, not for ${mounted.descriptors.fuseClones.length}`);
    }
    this.#conversation.send({ type: 'mounted', ...mounted }, this.#timeouts.send);
    const ready = this.#conversation.receive(['ready'], this.#timeouts.ready);
    this.#state = 'done';
    return ready;
  }

  /** At any step: tells the server why there will be no mount, and closes. */
  refuse(refusal: Fields<Refusal> & { readonly code: RefusalCode }): void {
    if (this.state !== 'closed') this.#conversation.refuse(refusal);
  }

  close(): void {
    this.#conversation.channel.close();
  }

  #wanted(answer: NeedJournal): NeedJournal {
    this.#state = 'journal';
    return answer;
  }

  #planned(plan: MountPlan): MountPlan {
    this.#state = 'mounted';
    this.#clones = plan.fuseClones;
    return plan;
  }

  #require(state: HelperState): void {
    if (this.state !== state) throw new HandshakeError('STATE', `the handshake is at ${this.state}, not at ${state}`);
  }

  #orFail<Result>(judge: () => Result): Result {
    try {
      return judge();
    } catch (error) {
      throw error instanceof HandshakeError ? this.#conversation.fail(error) : error;
    }
  }
}
