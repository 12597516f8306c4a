/** What a policy file says: which paths are hidden, denied, read-only, not to be executed, noted, or shown as another's. */
import * as z from 'zod';
import { Pattern } from './pattern.js';

const MOST_RULES = 256;
/** Wildcards cost time with each name that is looked up. */
const MOST_WILDCARDS = 8;
const HIGHEST_ID = 2 ** 32 - 2;

const path = z.string().max(4096)
  .refine((text) => text.startsWith('/'), 'must begin with "/", the root of the tree')
  .refine((text) => text === '/' || !text.endsWith('/'), 'must not end with "/"')
  .refine((text) => !/(^|\/)(\.|\.\.|)(\/|$)/u.test(text.slice(1)) || text === '/', 'must not contain ".", ".." or an empty name')
  .refine((text) => !/[^/]\*\*|\*\*[^/]/u.test(text), '"**" stands for whole names: /**/')
  .refine((text) => (text.match(/\*\*|\*|\?/gu)?.length ?? 0) <= MOST_WILDCARDS, `must not have more than ${MOST_WILDCARDS} wildcards`);
const effect = z.boolean().optional();
const shift = z.int().min(-HIGHEST_ID).max(HIGHEST_ID).optional();

const rule = z.strictObject({ path, hide: effect, deny: effect, readOnly: effect, noExec: effect, audit: effect, uidShift: shift, gidShift: shift })
  .refine(({ path: _, ...effects }) => Object.values(effects).some((value) => value !== undefined), 'has no effect: hide, deny, readOnly, noExec, audit, uidShift or gidShift is missing');
const schema = z.strictObject({ rules: z.array(rule).max(MOST_RULES) });

/** What holds for one path. */
export interface Decision {
  readonly hidden: boolean;
  readonly denied: boolean;
  readonly readOnly: boolean;
  readonly noExec: boolean;
  readonly audited: boolean;
  /** Added to the owner's number on its way to the mount. */
  readonly uidShift: number;
  readonly gidShift: number;
}

export const FREE: Decision = { hidden: false, denied: false, readOnly: false, noExec: false, audited: false, uidShift: 0, gidShift: 0 };

/** The policy file cannot be one; names the place in it. */
export class PolicyError extends Error {
  override readonly name = 'PolicyError';
  readonly code = 'BAD_OPTION';
}

interface Rule {
  readonly pattern: Pattern;
  readonly effects: z.infer<typeof rule>;
}

/** What holds for a path: all rules that match it, in their order. */
export class Policy {
  readonly #rules: readonly Rule[];

  private constructor(rules: readonly Rule[]) {
    this.#rules = rules;
  }

  static readonly none = new Policy([]);

  /** @param name of the file, for messages. @throws PolicyError */
  static parse(text: string, name: string): Policy {
    let value: unknown;
    try {
      value = JSON.parse(text);
    } catch (error) {
      throw new PolicyError(`policy ${name} is not JSON: ${(error as Error).message}`);
    }
    const result = schema.safeParse(value);
    if (result.success) return new Policy(result.data.rules.map((effects) => ({ pattern: new Pattern(effects.path), effects })));
    const [first] = result.error.issues;
    throw new PolicyError(`policy ${name}: ${placeOf(first?.path ?? [])}: ${first?.message ?? 'not understood'}`);
  }

  get isEmpty(): boolean {
    return this.#rules.length === 0;
  }

  /** All rules that match count together; of several shifts the last. @param at a path, its bytes each as one character */
  decide(at: string): Decision {
    let decision = FREE;
    for (const { pattern, effects } of this.#rules) {
      if (!pattern.matches(at)) continue;
      decision = {
        hidden: decision.hidden || effects.hide === true,
        denied: decision.denied || effects.deny === true,
        readOnly: decision.readOnly || effects.readOnly === true,
        noExec: decision.noExec || effects.noExec === true,
        audited: decision.audited || effects.audit === true,
        uidShift: effects.uidShift ?? decision.uidShift,
        gidShift: effects.gidShift ?? decision.gidShift,
      };
    }
    return decision;
  }

  /** Whether anything is judged by the directory in which it is, and not by its own name alone. */
  get isAboutPlaces(): boolean {
    return this.#rules.some(({ pattern }) => !pattern.isFloating);
  }

  /** Whether what is below a directory is judged by what the directory is called. */
  dependsOn(directory: string): boolean {
    return this.#rules.some(({ pattern }) => pattern.dependsOn(directory));
  }
}

/** What holds for a file with two names: whatever forbids something counts, of shifts the later. */
export const both = (one: Decision, other: Decision): Decision => ({
  hidden: one.hidden || other.hidden,
  denied: one.denied || other.denied,
  readOnly: one.readOnly || other.readOnly,
  noExec: one.noExec || other.noExec,
  audited: one.audited || other.audited,
  uidShift: other.uidShift,
  gidShift: other.gidShift,
});

export const same = (one: Decision, other: Decision): boolean =>
  one === other || (Object.keys(one) as (keyof Decision)[]).every((key) => one[key] === other[key]);

/** ["rules", 2, "path"] as people write it: rules[2].path */
const placeOf = (keys: readonly PropertyKey[]): string =>
  keys.map((key, index) => (typeof key === 'number' ? `[${key}]` : `${index === 0 ? '' : '.'}${String(key)}`)).join('') || 'the whole';
