/** Somebody to be reached, where network namespaces would not keep him and the attacker apart. */
import { createServer } from 'node:net';
import type { Test } from 'tap';
import { BYSTANDER } from './verdict.js';

export function listenAsBystander(t: Test): void {
  // Where another test listens on that name already, it is as good a victim.
  const listener = createServer().on('error', () => undefined).listen(BYSTANDER);
  t.teardown(() => listener.close());
}
