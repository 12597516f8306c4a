import { timeShell } from '../command.js';
import { sourceRepository } from '../source.js';
import type { Course, Place, Row } from './row.js';

const row = (name: string, caches: Row['caches'], script: string): Row => ({
  name,
  unit: 'files/s',
  caches,
  quick: name === 'git clone',
  measure: async ({ mount, outside, sizes }: Place) => ({
    amount: sizes.sourceFiles,
    seconds: await timeShell(`cd "$1" && ${script}`, mount, sourceRepository(outside)),
  }),
});

/** Of a repository that lies elsewhere, each of its objects a file. */
export const git: Course = {
  image: 'empty',
  isChain: true,
  rows: [
    row('git clone', 'warm', 'git clone -q "$2" clone && sync -f .'),
    row('git status', 'warm', 'git -C clone status'),
    row('git status, cold', 'cold', 'git -C clone status'),
    row('git gc', 'warm', 'git -C clone gc -q && sync -f .'),
  ],
};
