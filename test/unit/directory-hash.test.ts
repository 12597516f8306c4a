import { execFileSync } from 'node:child_process';
import t from 'tap';
import { HashVersion, NameHash } from '../../server/ext4/directory/hash.js';

const SEED = Uint32Array.of(0x78563412, 0x34123412, 0x34123412, 0xbc9a7856);
const SEED_UUID = '12345678-1234-1234-1234-123456789abc';
const SIGNED = 1;
const UNSIGNED = 2;
const ALGORITHMS = { legacy: HashVersion.LEGACY, half_md4: HashVersion.HALF_MD4, tea: HashVersion.TEA };

const NAMES = [
  'a',
  'hello',
  'exactly sixteen.',
  'exactly thirty-two characters on',
  'thirty-three characters, one more',
  'x'.repeat(64),
  'y'.repeat(255),
  'naïve-café',
  '日本語のとても長いファイル名で一つのブロックには入りきらないもの',
];

const majorOf = (hash: NameHash, version: number, name: string): number => {
  const bytes = new TextEncoder().encode(`  ${name}`);
  if (!hash.compute(version, bytes, 2, bytes.length - 2)) throw new Error(`version ${version} gave nothing`);
  return hash.major;
};

const debugfsHash = (algorithm: string, name: string): { major: number; minor: number } => {
  const output = execFileSync('debugfs', ['-R', `dx_hash -h ${algorithm} -s ${SEED_UUID} "${name}"`], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  const found = /is (0x[0-9a-f]+) \(minor (0x[0-9a-f]+)\)/.exec(output);
  if (found === null) throw new Error(`debugfs says: ${output}`);
  return { major: Number(found[1]), minor: Number(found[2]) };
};

t.test('debugfs computes the same', async (t) => {
  const hash = new NameHash(SEED, SIGNED);
  for (const [algorithm, version] of Object.entries(ALGORITHMS)) {
    for (const name of NAMES) t.same({ major: majorOf(hash, version, name), minor: hash.minor }, debugfsHash(algorithm, name), `${algorithm} of ${name}`);
  }
});

t.test('unsigned hashes differ only where a byte is above 127', async (t) => {
  const hash = new NameHash(SEED, UNSIGNED);
  for (const version of Object.values(ALGORITHMS)) {
    t.equal(hash.effectiveVersion(version), version + 3);
    t.equal(majorOf(hash, version + 3, 'hello'), majorOf(hash, version, 'hello'));
    t.not(majorOf(hash, version + 3, 'naïve-café'), majorOf(hash, version, 'naïve-café'));
  }
});

t.test('a seed of zeros means the default one', async (t) => {
  const zero = new NameHash(new Uint32Array(4), SIGNED);
  const standard = new NameHash(Uint32Array.of(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476), SIGNED);
  t.equal(majorOf(zero, HashVersion.HALF_MD4, 'hello'), majorOf(standard, HashVersion.HALF_MD4, 'hello'));
  t.equal(zero.effectiveVersion(HashVersion.TEA), HashVersion.TEA);
});

t.test('without a key, or knowledge of the version, there is no hash', async (t) => {
  const hash = new NameHash(SEED, UNSIGNED);
  t.equal(hash.effectiveVersion(HashVersion.SIPHASH), HashVersion.SIPHASH);
  t.equal(hash.compute(HashVersion.SIPHASH, new Uint8Array(1), 0, 1), false);
  t.equal(hash.compute(7, new Uint8Array(1), 0, 1), false);
});
