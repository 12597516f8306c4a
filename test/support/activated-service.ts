import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';

const PROGRAM = fileURLToPath(new URL('./activated-socket.js', import.meta.url));

/** A socket where each connection starts a program of its own (activated-socket.ts). */
export class ActivatedService {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  #said = '';
  #hear: () => void = () => undefined;

  private constructor(child: ChildProcessByStdio<Writable, Readable, null>) {
    this.#child = child;
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#said += text;
      this.#hear();
    });
  }

  static async start(path: string, ...program: readonly string[]): Promise<ActivatedService> {
    const child = spawn(process.execPath, [PROGRAM, path, ...program], { stdio: ['pipe', 'pipe', 'inherit'] });
    const service = new ActivatedService(child);
    await service.#line(/^listening$/mu);
    return service;
  }

  /** What the next program to end ended with: its exit status, or the name of the signal. */
  async exit(): Promise<string> {
    return (await this.#line(/^exit (\w+)$/mu)) ?? '';
  }

  /** Programs that still serve go on. */
  async stop(): Promise<void> {
    const exited = once(this.#child, 'exit');
    this.#child.stdin.end();
    await exited;
  }

  /** Waits for the line, and takes away everything up to it. */
  async #line(pattern: RegExp): Promise<string | undefined> {
    for (;;) {
      const match = pattern.exec(this.#said);
      if (match !== null) {
        this.#said = this.#said.slice(match.index + match[0].length);
        return match[1];
      }
      await new Promise<void>((resolve) => (this.#hear = resolve));
    }
  }
}
