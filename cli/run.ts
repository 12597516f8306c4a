import { CommanderError, type Command } from 'commander';
import { exitStatus, MountError } from '../helper/mount/errors.js';
import { Output } from './output.js';

/** Runs a command line, and ends the process with mount(8)'s exit status. */
export async function run(program: Command, words: readonly string[] = process.argv.slice(2)): Promise<never> {
  const output = new Output(program.name(), words.includes('--json'));
  try {
    await program.parseAsync(words, { from: 'user' });
    process.exit(process.exitCode ?? exitStatus.success);
  } catch (error) {
    if (error instanceof Ended) process.exit(error.status);
    if (!(error instanceof CommanderError)) process.exit(output.fail(error));
    if (error.exitCode === 0) process.exit(exitStatus.success);
    process.exit(output.fail(asUsageError(error, commandOf(program, words))));
  }
}

/** Thrown by a command that has told its user everything already. */
export class Ended extends Error {
  readonly status: number;

  constructor(status: number) {
    super();
    this.status = status;
  }
}

/** In words: the program's name, and that of the command that was asked for, if one was. */
function commandOf(program: Command, words: readonly string[]): string {
  const first = words.find((word) => !word.startsWith('-'));
  const command = program.commands.find((known) => known.name() === first);
  return command === undefined ? program.name() : `${program.name()} ${command.name()}`;
}

function asUsageError({ message }: CommanderError, command: string): MountError {
  const words = message === '(outputHelp)' ? 'what is to be done?' : message.replace(/^error: /, '').replaceAll('\n', ' ');
  return new MountError('USAGE', words, `${command} --help explains the arguments`);
}

/** No exit, and no words of its own, from commander and its subcommands. */
export function quietly(command: Command): Command {
  return command.exitOverride().configureOutput({ writeErr: () => undefined }).showSuggestionAfterError(true);
}
