import t from 'tap';
import { accept, agree, OFFER } from '../../protocol/service/negotiation.js';
import type { Hello } from '../../protocol/service/messages.js';

const offer = (versionMin: number, versionMax: number, requiredFeatures: string[] = [], optionalFeatures: string[] = []) =>
  ({ versionMin, versionMax, requiredFeatures, optionalFeatures, software: 'test' });
const hello = (...range: Parameters<typeof offer>): Hello => ({ type: 'hello', ...offer(...range) });

t.test('the highest common version is chosen', (t) => {
  const ranges: readonly [[number, number], [number, number], number | undefined][] = [
    [[1, 1], [1, 1], 1],
    [[1, 5], [2, 3], 3],
    [[2, 3], [1, 5], 3],
    [[1, 3], [3, 9], 3],
    [[1, 2], [3, 9], undefined],
    [[4, 9], [1, 3], undefined],
  ];
  for (const [helper, server, version] of ranges) {
    if (version === undefined) t.throws(() => agree(hello(...helper), offer(...server)), { name: 'HandshakeError', code: 'VERSION' });
    else t.equal(agree(hello(...helper), offer(...server)).version, version);
  }
  t.end();
});

t.test('features: what is required must be there, what is optional may', (t) => {
  const chosen = agree(hello(1, 1, ['a'], ['b', 'c']), offer(1, 1, ['b'], ['a', 'd'])).features;
  t.same([...chosen].sort(), ['a', 'b']);
  t.throws(() => agree(hello(1, 1, ['a', 'x', 'y']), offer(1, 1, [], ['a'])), { code: 'FEATURE', message: /helper requires: x, y$/ });
  t.throws(() => agree(hello(1, 1), offer(1, 1, ['z'])), { code: 'FEATURE', message: /server requires: z$/ });
  t.end();
});

t.test('the helper takes only what it offered', (t) => {
  const welcome = (version: number, features: string[]) => ({ type: 'welcome', version, features, software: 'test' }) as const;
  const own = offer(2, 3, ['a'], ['b']);
  t.same([...accept(welcome(3, ['a', 'b']), own).features], ['a', 'b']);
  t.same([...accept(welcome(2, ['a']), own).features], ['a']);
  t.throws(() => accept(welcome(4, ['a']), own), { code: 'VERSION' });
  t.throws(() => accept(welcome(1, ['a']), own), { code: 'VERSION' });
  t.throws(() => accept(welcome(3, ['b']), own), { code: 'FEATURE', message: /did not confirm.*: a$/ });
  t.throws(() => accept(welcome(3, ['a', 'x']), own), { code: 'FEATURE', message: /not offered: x$/ });
  t.end();
});

t.test('this program agrees with itself', (t) => {
  t.equal(agree({ type: 'hello', ...OFFER }, OFFER).version, OFFER.versionMax);
  t.end();
});
