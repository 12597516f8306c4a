import { OptionError } from '../session/filesystem.js';

/** What the helper passes on of the mount options. */
export interface TreeOptions {
  /** Of the policy file, for messages. */
  readonly policyName: string;
}

/** Access times are the tree's own affair: the helper has opened it so. */
const WITHOUT_MEANING = new Set(['noatime', 'strictatime', 'relatime', 'nodiratime', 'debug']);

/** @throws OptionError */
export function parseTreeOptions(words: readonly string[]): TreeOptions {
  let policyName = '';
  for (const word of words) {
    if (word.startsWith('policy=')) policyName = word.slice('policy='.length);
    else if (!WITHOUT_MEANING.has(word)) throw new OptionError(`option "${word}" is not for directory trees`);
  }
  return { policyName };
}
