/**
 * Patterns of paths in a tree, as a policy has them: "/" begins them, "*" stands for any part of a name, "?" for one
 * character of it, and "**" as a whole name for any number of names, none included; so "/a/**" is /a and all below it.
 * Paths and patterns are compared as the bytes that they are on disk, each as one character.
 */
export class Pattern {
  readonly #expression: RegExp;
  /** What every path begins with that it matches: whole names, and a "/" behind them. */
  readonly #fixed: string;
  /** It is about names at whatever depth, or about all paths: a directory that is moved changes nothing. */
  readonly isFloating: boolean;

  constructor(text: string) {
    const names = toBytes(text).split('/').slice(1);
    this.#expression = new RegExp(`^${expressionOf(names)}$`, 'su');
    const firstWild = names.findIndex((name) => /[*?]/u.test(name));
    this.#fixed = firstWild < 0 ? toBytes(text) : `/${names.slice(0, firstWild).map((name) => `${name}/`).join('')}`;
    this.isFloating = names[0] === '**' && names.length <= 2 && names[1] !== '**';
  }

  matches(path: string): boolean {
    return this.#expression.test(path);
  }

  /** Whether it may match something below the directory for the sake of what that is called. */
  dependsOn(directory: string): boolean {
    if (this.isFloating) return false;
    const prefix = `${directory}/`;
    return this.#fixed.startsWith(prefix) || prefix.startsWith(this.#fixed);
  }
}

/** A text as its UTF-8 bytes, each as one character. */
const toBytes = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');
/** The reverse, for people. */
export const toText = (bytes: string): string => Buffer.from(bytes, 'latin1').toString('utf8');

/** One character of UTF-8, or a byte that is none. */
const ANY_CHARACTER = '(?:[\\xc2-\\xf4][\\x80-\\xbf]{1,3}|[^/])';

function expressionOf(names: readonly string[]): string {
  return names.map((name, index) => {
    if (name !== '**') return `/${name.split(/([*?])/u).map(partOf).join('')}`;
    return index === names.length - 1 ? '(?:/.*)?' : '(?:/[^/]+)*';
  }).join('');
}

function partOf(part: string): string {
  if (part === '*') return '[^/]*';
  if (part === '?') return ANY_CHARACTER;
  return part.replace(/[\\^$.|+()[\]{}/]/gu, '\\$&');
}
