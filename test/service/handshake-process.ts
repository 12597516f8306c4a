/** Starts handshake-peer.ts and plays scripts on it. All calls but `stop` are synchronous, as both ends are. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Channel } from '../../protocol/seqpacket/channel.js';
import type { Report, Step } from './handshake-script.js';

const PROGRAM = fileURLToPath(new URL('handshake-peer.js', import.meta.url));
const PATIENCE = 30_000;

export class PeerProcess {
  readonly #child: ChildProcess;
  readonly #control: Channel;
  readonly #exited: Promise<unknown>;

  constructor() {
    const [ours, theirs] = Channel.pair();
    this.#child = spawn(process.execPath, [PROGRAM], { stdio: ['ignore', 'inherit', 'inherit', theirs.fd] });
    this.#exited = once(this.#child, 'exit');
    theirs.close();
    this.#control = ours;
  }

  /** The end of a new connection whose other end plays the script. */
  play(script: readonly Step[]): Channel {
    const [ours, theirs] = Channel.pair();
    this.#control.send(Buffer.from(JSON.stringify(script)), [theirs.fd], PATIENCE);
    theirs.close();
    return ours;
  }

  /** Waits for the script's end. */
  report(): Report {
    return JSON.parse(Buffer.from(this.#control.receive(PATIENCE).bytes).toString()) as Report;
  }

  async stop(): Promise<void> {
    this.#control.close();
    await this.#exited;
  }
}

export const openDescriptors = (): number => readdirSync('/proc/self/fd').length;
