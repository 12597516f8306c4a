/** What the server could give up by itself. */
export interface Confinement {
  /** log: what would be refused is let through and logged. */
  readonly seccomp: 'filter' | 'log' | 'off';
  /** The version that the kernel has, 0 if there is none. */
  readonly landlock: number;
  /** It serves a directory tree: files are opened while it serves. */
  readonly tree?: boolean;
  /** Names of the walls that are not there. */
  readonly missing: readonly string[];
}

/** The mount option says what to do where a wall is missing: refuse, or do without it. */
const OPTION = /^confinement=(.*)$/u;

export const isConfinementOption = (option: string): boolean => OPTION.test(option);

/** A wall that was asked for is missing, or the asking was not understood. */
export class ConfinementError extends Error {
  override readonly name = 'ConfinementError';
  readonly code: 'FEATURE' | 'BAD_OPTION';

  constructor(code: 'FEATURE' | 'BAD_OPTION', message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * To be asked before a byte is read of what might be an attack. As with every option, the last word counts.
 * @throws ConfinementError
 */
export function isToBeStrict(options: readonly string[], { missing }: Confinement): boolean {
  const word = options.map((option) => OPTION.exec(option)?.[1]).findLast((value) => value !== undefined) ?? 'best-effort';
  if (word === 'best-effort') return false;
  if (word !== 'strict') throw new ConfinementError('BAD_OPTION', `option "confinement" is strict or best-effort, not "${word}"`);
  if (missing.length > 0) throw new ConfinementError('FEATURE', `confinement=strict: the server has to do without ${missing.join(' and ')}`);
  return true;
}
