import { join } from 'node:path';
import { run } from '../command.js';
import { nativeProgram } from '../native-program.js';
import type { Course, Place, Row, Work } from './row.js';

type Action = 'create' | 'stat' | 'list' | 'rename' | 'unlink';

async function act(action: Action, { mount, sizes }: Place, directories: number, processes: number): Promise<Work> {
  const program = await nativeProgram('many-files');
  const output = await run(program, action, join(mount, 'many'), ...[directories, sizes.manyFiles, processes, sizes.patience].map(String));
  const [amount = 0, seconds = 0] = output.split(' ').map(Number);
  if (amount === 0) throw new Error(`${action}: not one file within ${seconds} s`);
  return { amount, seconds };
}

/** One takes some hundredths of a second. */
const LISTINGS = 3;

/** Empty files: created, looked at, renamed, removed. */
function course(directories: number, processes: number, quick: boolean): Course {
  const where = `${directories === 1 ? 'one directory' : `${directories} directories`}${processes > 1 ? `, ${processes} processes` : ''}`;
  const row = (name: string, action: Action, caches: Row['caches'], tries = 1): Row => ({
    name: `${name}, ${where}`,
    unit: 'files/s',
    caches,
    quick,
    tries,
    measure: (place) => act(action, place, directories, processes),
  });
  return {
    image: 'empty',
    isChain: true,
    rows: [
      row('create', 'create', 'warm'),
      row('stat what was just created', 'stat', 'warm'),
      row('stat, cold', 'stat', 'cold'),
      row('readdir, cold', 'list', 'cold', LISTINGS),
      row('rename', 'rename', 'warm'),
      row('unlink', 'unlink', 'warm'),
    ],
  };
}

export const manyFiles: readonly Course[] = [course(100, 1, true), course(100, 4, false), course(1, 1, false), course(1, 4, false)];
