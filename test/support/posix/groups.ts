import { attributes } from './attributes.js';
import type { Case } from './case.js';
import { contents } from './contents.js';
import { listing } from './listing.js';
import { names } from './names.js';
import { opening } from './opening.js';
import { renaming } from './renaming.js';

/** All cases, by what they are about. */
export const GROUPS: Readonly<Record<string, readonly Case[]>> = {
  opening: opening(),
  names: names(),
  renaming: renaming(),
  attributes: attributes(),
  listing: listing(),
  ...Object.fromEntries(Object.entries(contents).map(([group, cases]) => [group, cases()])),
};
