// time limit: 1200 s
import t from 'tap';
import { cannotMount, missing } from '../support/machine.js';
import { matrixCases } from './matrix-cases.js';
import { testMatrixCase } from './matrix.js';

t.setTimeout(1_200_000);
const skip = cannotMount() || missing('mke2fs', 'cc');
for (const matrixCase of matrixCases) {
  t.test(matrixCase.name, { skip }, (t) => testMatrixCase(t, matrixCase));
}
