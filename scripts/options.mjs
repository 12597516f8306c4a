// What the options of the long runs have in common.
import { Command, InvalidArgumentError } from 'commander';

/** Of `npm run NAME`: --help tells the options, and unknown ones end it. */
export const longRun = (name) => new Command(`npm run ${name} --`);

export const count = (text) => {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidArgumentError('must be a whole number above 0');
  return value;
};

export const seed = (text) => {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new InvalidArgumentError('must be a whole number');
  return value;
};

export const anySeed = () => Date.now() % 1e9;
