import { writeSync } from 'node:fs';
import { exitStatus, MountError } from '../helper/mount/errors.js';

/**
 * What a command tells its user. People get sentences: results on standard output, the rest on
 * standard error, as mount(8) words it. Programs ask for --json and get, at the end, one object on
 * standard output: {"result": …, "warnings": [], "error": {"code", "message", "hint", "exitStatus"}}.
 */
export class Output {
  readonly #program: string;
  readonly #json: boolean;
  readonly #warnings: string[] = [];

  constructor(program: string, json: boolean) {
    this.#program = program;
    this.#json = json;
  }

  warn(message: string): void {
    if (this.#json) this.#warnings.push(message);
    else this.note(`warning: ${message}`);
  }

  /** For people only. */
  note(message: string): void {
    if (!this.#json) show(2, `${this.#program}: ${message}\n`);
  }

  /** `text` is what people see of it; undefined where silence says enough. */
  result(result: unknown, text?: string): void {
    if (this.#json) this.#object({ result });
    else if (text !== undefined) show(1, text.endsWith('\n') ? text : `${text}\n`);
  }

  /** @returns the exit status. `about` is what mount(8) begins its message with: the mount point. */
  fail(error: unknown, about?: string): number {
    const failure = error instanceof MountError ? error : unexpected(error);
    if (process.env['FUSE4FS_DEBUG']) write(2, `${error instanceof Error ? error.stack : String(error)}\n`);
    const { message, hint, reason, exitStatus } = failure;
    if (this.#json) {
      this.#object({ error: { code: reason, message, hint, exitStatus } });
    } else {
      const place = about === undefined || message.startsWith(about) ? '' : `${about}: `;
      show(2, `${this.#program}: ${place}${message}${/[.?!]$/.test(message) ? '' : '.'}\n`);
      if (hint !== '') show(2, `${' '.repeat(this.#program.length + 2)}${hint}\n`);
    }
    return exitStatus;
  }

  #object(outcome: object): void {
    write(1, `${JSON.stringify({ ...outcome, warnings: this.#warnings })}\n`);
  }
}

/** A defect of ours: named, without the stack that only helps with the source at hand. */
function unexpected(error: unknown): MountError {
  const message = error instanceof Error ? error.message : String(error);
  return new MountError('INTERNAL', `this should not have happened: ${message}`, 'FUSE4FS_DEBUG=1 shows where');
}

/** All but the ends of lines and tabs that a terminal would obey: names, labels and a server's last words are anybody's. */
const CONTROLS = /(?![\n\t])[\p{Cc}\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu;

/** For people. */
const show = (descriptor: number, text: string): void => write(descriptor, text.replace(CONTROLS, '\ufffd'));

function write(descriptor: number, text: string): void {
  try {
    writeSync(descriptor, text);
  } catch (error) {
    // Whoever reads us has left.
    if (!(error instanceof Error && 'code' in error && error.code === 'EPIPE')) throw error;
    process.exit(exitStatus.system);
  }
}
