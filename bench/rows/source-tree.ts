import { timeShell } from '../command.js';
import { sourceArchive } from '../source.js';
import type { Course, Place, Row } from './row.js';

const row = (name: string, caches: Row['caches'], script: string): Row => ({
  name,
  unit: 'files/s',
  caches,
  quick: true,
  measure: async ({ mount, outside, sizes }: Place) => ({
    amount: sizes.sourceFiles,
    // On the device at the end.
    seconds: await timeShell(`cd "$1" && ${script} && sync -f .`, mount, sourceArchive(outside)),
  }),
});

export const sourceTree: Course = {
  image: 'empty',
  isChain: true,
  rows: [
    row('unpack a source tree (tar -x)', 'warm', 'tar -xf "$2"'),
    row('copy it (cp -a)', 'warm', 'cp -a source copy'),
    row('remove it (rm -rf)', 'warm', 'rm -rf copy'),
    row('remove it (rm -rf), cold', 'cold', 'rm -rf source'),
  ],
};
