/**
 * The server's end of the handshake (service.proto). Synchronous: each step blocks for its timeout at most.
 *
 *   const end = ServerEnd.accept(channel);                // the channel is the end's from here on
 *   const source = end.source();                          // source.descriptors.device and .fuse are the caller's now
 *   if (journalIsElsewhere) journal = end.needJournal({ uuid, deviceNumber });
 *   const mounted = end.mountPlan({ blockSize, rootMode, ... });
 *   ... answer FUSE_INIT ...
 *   end.ready({ kernelFeatures, warnings });
 *   end.close();
 *
 * Anything wrong with the device or the options: `end.refuse({ code, message, hint })`, which closes.
 *
 * Errors: RefusedError (the helper said why), HandshakeError (it died, stalled or broke the protocol).
 * After either the channel is closed. HandshakeError STATE alone, a method called out of order, changes
 * nothing, and neither does a MALFORMED message of the caller's own, which is never sent.
 *
 * Descriptors: those of a returned message are the caller's to close, also when a later step fails; those
 * of a message that is not returned are closed already. They are close-on-exec. The server sends none.
 */
import { HandshakeError } from '../packets/errors.js';
import type { Channel } from '../seqpacket/channel.js';
import { closeDescriptors } from '../seqpacket/descriptors.js';
import { descriptorsOf } from './codec.js';
import { Conversation } from './conversation.js';
import type { Fields, Journal, MountPlan, Mounted, NeedJournal, Ready, Refusal, RefusalCode, Source } from './messages.js';
import { OFFER, agree, type Agreement, type Offer } from './negotiation.js';

/** Milliseconds for each message of the helper's. */
export interface ServerTimeouts {
  readonly hello: number;
  /** A block device may be busy for a while. */
  readonly source: number;
  readonly journal: number;
  readonly mounted: number;
  /** For the helper to take a packet off our hands. */
  readonly send: number;
}

export const SERVER_TIMEOUTS: ServerTimeouts = { hello: 15_000, source: 30_000, journal: 30_000, mounted: 60_000, send: 5_000 };

export interface ServerOptions {
  readonly timeouts?: Partial<ServerTimeouts>;
  readonly offer?: Partial<Offer>;
}

/** What the caller may do next. */
export type ServerState = 'source' | 'plan' | 'planWithJournal' | 'ready' | 'done' | 'closed';

export class ServerEnd {
  readonly agreement: Agreement;
  readonly #conversation: Conversation;
  readonly #timeouts: ServerTimeouts;
  #state: ServerState = 'source';

  private constructor(conversation: Conversation, timeouts: ServerTimeouts, agreement: Agreement) {
    this.#conversation = conversation;
    this.#timeouts = timeouts;
    this.agreement = agreement;
  }

  /** Takes the helper's Hello and answers it. */
  static accept(channel: Channel, options: ServerOptions = {}): ServerEnd {
    const conversation = new Conversation(channel, 'the helper');
    const timeouts = { ...SERVER_TIMEOUTS, ...options.timeouts };
    const agreement = welcome(conversation, timeouts, { ...OFFER, ...options.offer });
    return new ServerEnd(conversation, timeouts, agreement);
  }

  get state(): ServerState {
    return this.#conversation.channel.isOpen ? this.#state : 'closed';
  }

  source(): Source {
    this.#require('source');
    const source = this.#conversation.receive(['source'], this.#timeouts.source);
    this.#state = 'plan';
    return source;
  }

  /** At most once, before `mountPlan`. */
  needJournal(need: Fields<NeedJournal>): Journal {
    this.#require('plan');
    this.#conversation.send({ type: 'needJournal', ...need }, this.#timeouts.send);
    const journal = this.#conversation.receive(['journal'], this.#timeouts.journal);
    this.#state = 'planWithJournal';
    return journal;
  }

  mountPlan(plan: Fields<MountPlan>): Mounted {
    this.#require('plan', 'planWithJournal');
    this.#conversation.send({ type: 'mountPlan', ...plan }, this.#timeouts.send);
    const mounted = this.#conversation.receive(['mounted'], this.#timeouts.mounted);
    const clones = mounted.descriptors.fuseClones.length;
    if (clones > plan.fuseClones) {
      closeDescriptors(descriptorsOf(mounted));
      throw this.#conversation.fail(new HandshakeError('DESCRIPTORS', `the helper sent ${clones} clones of /dev/fuse, asked for were ${plan.fuseClones}`));
    }
    this.#state = 'ready';
    return mounted;
  }

  ready(ready: Fields<Ready>): void {
    this.#require('ready');
    this.#conversation.send({ type: 'ready', ...ready }, this.#timeouts.send);
    this.#state = 'done';
  }

  /** At any step: tells the helper why there will be no mount, and closes. */
  refuse(refusal: Fields<Refusal> & { readonly code: RefusalCode }): void {
    if (this.state !== 'closed') this.#conversation.refuse(refusal);
  }

  close(): void {
    this.#conversation.channel.close();
  }

  #require(...states: readonly ServerState[]): void {
    if (!states.includes(this.state)) throw new HandshakeError('STATE', `the handshake is at ${this.state}, not at ${states.join(' or ')}`);
  }
}

function welcome(conversation: Conversation, timeouts: ServerTimeouts, offer: Offer): Agreement {
  const hello = conversation.receive(['hello'], timeouts.hello);
  const agreement = agreeOrFail();
  conversation.send({ type: 'welcome', version: agreement.version, features: [...agreement.features], software: offer.software }, timeouts.send);
  return agreement;

  function agreeOrFail(): Agreement {
    try {
      return agree(hello, offer);
    } catch (error) {
      throw error instanceof HandshakeError ? conversation.fail(error) : error;
    }
  }
}
