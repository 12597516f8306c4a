/** A server that has a ring of io_uring does not start; this is how it knows. */
import { closeSync } from 'node:fs';
import t from 'tap';
import { serverShim } from '../../server/native/shim.js';
import { systemCall } from '../support/attacks/system-calls.js';

const PARAMETERS_SIZE = 120;

const newRing = (): number => systemCall('io_uring_setup', 1, new Uint8Array(PARAMETERS_SIZE));

const first = newRing();
if (first >= 0) closeSync(first);

t.test('a ring among the descriptors is seen', { skip: first < 0 && `this machine gives out no rings: errno ${-first}` }, async (t) => {
  const before = serverShim.hasRing();
  const ring = newRing();
  t.equal(serverShim.hasRing(), 1);
  closeSync(ring);
  t.equal(serverShim.hasRing(), before);
});
