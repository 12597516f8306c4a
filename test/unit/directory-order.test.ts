/** The order in which the names of a leaf are listed, beside one that is made the plain way. */
import t from 'tap';
import { EntryRun } from '../../server/ext4/directory/entry-run.js';
import { NameHash } from '../../server/ext4/directory/hash.js';
import { OrderedEntries } from '../../server/ext4/directory/hash-order.js';
import { PlainNames, type NameScheme } from '../../server/ext4/directory/names.js';
import { crc32c } from '../../server/ext4/layout/crc32c.js';
import { writeEntry } from '../../server/ext4/layout/directory-entry.js';
import { Random } from '../support/random.js';

const SEED = Number(process.env['SEED'] ?? 20261122);
const BLOCK_SIZE = 4096;
const RECORD = 16;
const HASH_END = 0x100000000;

interface Entry {
  readonly major: number;
  readonly tie: number;
  readonly run: number;
  readonly at: number;
}

/** Several leaves with names of which many have the same hash, and some are the same. */
function listed(random: Random, leaves: number, hashes: number): { readonly found: number[][]; readonly expected: number[][]; readonly keys: number[] } {
  const hash = new NameHash(Uint32Array.of(1, 2, 3, 4), 1);
  const plain = new PlainNames(hash, BLOCK_SIZE);
  const majorOf = (bytes: Uint8Array, at: number): number => (crc32c(1, bytes, at, at + 4) % hashes) * 2;
  const names: NameScheme = Object.assign(Object.create(plain) as NameScheme, {
    hashEntry: (_version: number, { bytes }: EntryRun, entry: number): boolean => {
      hash.take(majorOf(bytes, entry + 8), 0);
      return true;
    },
  });
  const ordered = new OrderedEntries(BLOCK_SIZE, hash);
  const entries: Entry[] = [];
  ordered.reset(0);
  for (let run = 0; run < leaves; run++) {
    const bytes = new Uint8Array(BLOCK_SIZE);
    const view = new DataView(bytes.buffer);
    for (let at = 0; at < BLOCK_SIZE; at += RECORD) {
      const name = Buffer.from(String(random.below(600)).padStart(4, '0'));
      const isFree = random.below(8) === 0;
      writeEntry(view, bytes, at, RECORD, isFree ? 0 : 11 + at, 1, name, 0, name.length);
      if (!isFree) entries.push({ major: majorOf(bytes, at + 8), tie: crc32c(0xffffffff, bytes, at + 8, at + 12) >>> 11, run, at });
    }
    const filled = new EntryRun();
    filled.set(bytes, view, 0, BLOCK_SIZE, run);
    ordered.add(run, run, HASH_END, filled, names, 1);
  }
  ordered.sort();
  entries.sort((one, other) => one.major - other.major || one.tie - other.tie || one.run - other.run || one.at - other.at);
  return {
    found: Array.from({ length: ordered.count }, (_, index) => [ordered.runOf(index), ordered.entryOf(index)]),
    expected: entries.map(({ run, at }) => [run, at]),
    keys: Array.from({ length: ordered.count }, (_, index) => ordered.key(index)),
  };
}

for (const [leaves, hashes] of [[1, 1], [1, 100_000], [3, 7], [12, 1], [12, 300]] as const) {
  t.test(`${leaves} leaves, ${hashes} hashes, seed ${SEED}`, async (t) => {
    const { found, expected, keys } = listed(new Random(SEED), leaves, hashes);
    t.same(found, expected);
    t.ok(keys.every((key, index) => index === 0 || key >= (keys[index - 1] as number)), 'keys ascend');
    t.ok(keys.every((key) => Number.isSafeInteger(key)));
  });
}
