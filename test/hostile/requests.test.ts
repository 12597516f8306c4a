/** Requests that no kernel would send: the session answers each with an errno, and nothing else happens. */
import { constants } from 'node:os';
import t from 'tap';
import { floorOperations } from '../../bench/floor/filesystem.js';
import { Opcode, opcodeSlot, requestShapes } from '../../protocol/fuse/opcodes.js';
import { cString, filesystemOf, FuseCaller, join, request } from '../support/fuse-caller.js';
import { Random } from '../support/random.js';

const { EINVAL, ENOSYS } = constants.errno;
const seed = Number(process.env['SEED'] ?? 20251);
const ROUNDS = Number(process.env['ROUNDS'] ?? 50_000);

/** Accepts every opcode, and looks at all that the session promises to be there. */
function touchEverything(): FuseCaller {
  const operations = Object.fromEntries(
    Object.keys(Opcode).map((name) => [
      name,
      ({ view, bodyOffset, opcode, nameOffset, nameLength, secondNameOffset, secondNameLength, bytes, start }: FuseCaller['session']['request']) => {
        const shape = requestShapes[opcodeSlot(opcode)];
        for (let at = 0; at < (shape?.fixedSize ?? 0); at++) view.getUint8(bodyOffset + at);
        const names = shape?.names ?? 0;
        if (names > 0 && (nameLength <= 0 || bytes[nameOffset + nameLength] !== 0 || nameOffset < start)) throw new Error('first name');
        if (names > 1 && (secondNameLength <= 0 || bytes[secondNameOffset + secondNameLength] !== 0)) throw new Error('second name');
        return 0;
      },
    ]),
  );
  return new FuseCaller(filesystemOf(operations)).initialise();
}

t.test('every prefix of a good request', async (t) => {
  const caller = touchEverything();
  for (const shape of requestShapes) {
    if (shape === undefined || ['INIT', 'DESTROY', 'INTERRUPT'].includes(shape.name)) continue;
    const names = [cString('first'), cString('second')].slice(0, shape.names);
    const whole = request(shape.opcode, 1, join(new Uint8Array(shape.fixedSize), ...names));
    t.equal(caller.send(whole)?.error, 0, shape.name);
    for (let length = 0; length < whole.length; length++) {
      const part = whole.slice(0, length);
      const lied = caller.send(part);
      if (lied !== undefined && lied.error !== -EINVAL) t.fail(`${shape.name}: ${length} bytes with a wrong length gave ${lied.error}`);
      if (length < 40) continue;
      new DataView(part.buffer).setUint32(0, length, true);
      const short = caller.send(part);
      if (short !== undefined && short.error !== -EINVAL) t.fail(`${shape.name}: ${length} bytes gave ${short.error}`);
    }
  }
  t.same(caller.failures, []);
});

t.test(`random requests, seed ${seed}`, async (t) => {
  const random = new Random(seed);
  const caller = touchEverything();
  const floor = new FuseCaller(filesystemOf(floorOperations())).initialise();
  for (let round = 0; round < ROUNDS; round++) {
    const body = random.bytes(random.below(random.below(10) === 0 ? 5000 : 120));
    const opcode = random.below(20) === 0 ? random.word() : random.below(20) === 0 ? 4085 + random.below(14) : random.below(60);
    const bytes = request(opcode, random.nodeid(), body, [random.word(), random.word()]);
    if (random.below(4) === 0) new DataView(bytes.buffer).setUint16(36, random.below(70), true);
    if (random.below(8) === 0) new DataView(bytes.buffer).setUint32(0, random.word(), true);
    for (const session of [caller, floor]) {
      const answer = session.send(bytes);
      if (answer !== undefined && answer.error !== 0 && ![-EINVAL, -ENOSYS, -5, -30].includes(answer.error)) {
        t.fail(`seed ${seed}, round ${round}: ${answer.error}`);
      }
    }
  }
  t.same(caller.failures, []);
  t.same(floor.failures, []);
});
