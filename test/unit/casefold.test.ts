import { execFileSync } from 'node:child_process';
import t from 'tap';
import { CaseFolder } from '../../server/ext4/directory/casefold.js';
import { HashVersion, NameHash } from '../../server/ext4/directory/hash.js';
import { Random } from '../support/random.js';

t.setTimeout(300_000);
const folder = new CaseFolder();
const encoder = new TextEncoder();
const decoder = new TextDecoder();

function fold(name: string): string | undefined {
  const bytes = encoder.encode(`/${name}`);
  return folder.fold(bytes, 1, bytes.length - 1) ? decoder.decode(folder.bytes.slice(0, folder.length)) : undefined;
}

t.test('known foldings', async (t) => {
  t.equal(fold('README.TXT'), 'readme.txt');
  t.equal(fold('Straße'), 'strasse', 'one letter becomes two');
  t.equal(fold('ẞ'), 'ss');
  t.equal(fold('É'), 'e\u0301', 'decomposed');
  t.equal(fold('e\u0301'), 'e\u0301');
  t.equal(fold('İ'), 'i\u0307', 'not the Turkic folding');
  t.equal(fold('ΣΑΣ'), 'σασ', 'no final sigma');
  t.equal(fold('ς'), 'σ');
  t.equal(fold('한'), '\u1112\u1161\u11ab', 'a syllable of three letters');
  t.equal(fold('가'), '\u1100\u1161', 'of two');
  t.equal(fold('a\u00adb\u200d'), 'ab', 'soft hyphen and joiner are left out');
  t.equal(fold('\u200b\u200b'), '', 'nothing remains');
  t.equal(fold('q\u0307\u0323'), 'q\u0323\u0307', 'marks are sorted by class');
  t.equal(fold('q\u0307\u034f\u0323'), 'q\u0307\u0323', 'but not past a joiner that is left out');
  t.equal(fold('Ꭰ'), 'Ꭰ', 'Cherokee folds to upper case');
  t.equal(fold('ꭰ'), 'Ꭰ');
  t.equal(fold('\u{10400}'), '\u{10428}');
  t.equal(fold('ᾂ'), 'α\u0313\u0300ι'.replace('α', 'α'), 'with iota subscript');
});

t.test('characters newer than Unicode 12.1 stay', async (t) => {
  for (const character of ['\ua7c7', '\u{10570}', '\u2c2f', '\u{11938}', '\ua7c0', '\u1c89']) t.equal(fold(character), character);
  t.equal(fold('q\u0323\u1abf'), 'q\u0323\u1abf', 'a mark that came later has no class');
});

t.test('what is not UTF-8 cannot be folded', async (t) => {
  const bad = [[0x80], [0xc3], [0xc0, 0xaf], [0xc1, 0xbf], [0xe0, 0x9f, 0xbf], [0xed, 0xa0, 0x80], [0xf0, 0x8f, 0xbf, 0xbf], [0xf4, 0x90, 0x80, 0x80], [0xf5, 0x80, 0x80, 0x80], [0xe2, 0x82], [0xe2, 0x28, 0xa1], [0xff]];
  for (const bytes of bad) {
    t.equal(folder.fold(Uint8Array.from(bytes), 0, bytes.length), false, `${bytes.join(' ')}`);
    const within = Uint8Array.from([0x41, ...bytes, 0x42]);
    t.equal(folder.fold(within, 0, within.length), false, `A ${bytes.join(' ')} B`);
  }
});

t.test('folding twice changes nothing, and the longest names fit', async (t) => {
  for (const character of ['ﬃ', 'ΐ', 'ᾂ', '\u{1d160}', '한', 'É', 'ŉ']) {
    const size = encoder.encode(character).length;
    const once = fold(character.repeat(Math.floor(255 / size)));
    t.ok(once !== undefined && once.length > 0);
  }
  for (let code = 0x80; code < 0x30000; code += 7) {
    if (code >= 0xd800 && code <= 0xdfff) continue;
    const once = fold(`x${String.fromCodePoint(code)}y`) ?? '';
    if (fold(once) !== once) t.fail(`U+${code.toString(16)}`);
  }
});

/** Hashes of names as debugfs computes them after its own folding: its tables are the kernel's. */
function debugfsHashes(names: readonly string[]): number[] {
  const commands = names.map((name) => `dx_hash -c -e utf8 -h half_md4 ${name}\n`).join('');
  const output = execFileSync('debugfs', ['-f', '-'], { input: commands, stdio: ['pipe', 'pipe', 'ignore'], maxBuffer: 1 << 30 });
  return Array.from(output.toString('latin1').matchAll(/^Hash of .* is (0x[0-9a-f]+) \(minor/gm), (match) => Number(match[1]));
}

function disagreements(names: readonly string[]): string[] {
  const hash = new NameHash(new Uint32Array(4), 1);
  const expected = debugfsHashes(names);
  if (expected.length !== names.length) return [`${expected.length} answers to ${names.length} questions`];
  return names.filter((name, index) => {
    const bytes = encoder.encode(name);
    if (!folder.fold(bytes, 0, bytes.length)) return true;
    hash.compute(HashVersion.HALF_MD4, folder.bytes, 0, folder.length);
    return hash.major !== expected[index];
  });
}

t.test('debugfs folds every character the same', async (t) => {
  const names: string[] = [];
  for (let code = 0x80; code < 0x110000; code++) {
    if (code >= 0xd800 && code <= 0xdfff) continue;
    // Planes without any assigned character, and the one of Chinese characters, are sampled.
    if (code >= 0x20000 && code % 16 !== 0 && !(code >= 0xe0000 && code < 0xe1000) && !(code >= 0x2f800 && code < 0x2fa20)) continue;
    names.push(`a${String.fromCodePoint(code)}b`);
  }
  t.same(disagreements(names).map((name) => name.codePointAt(1)?.toString(16)), []);
});

t.test('debugfs folds strings of marks the same', async (t) => {
  const seed = Number(process.env['FUSE4FS_SEED'] ?? 143);
  t.comment(`FUSE4FS_SEED=${seed}`);
  const random = new Random(seed);
  const ranges = [[0x41, 26], [0x61, 26], [0xc0, 0x100], [0x300, 0x70], [0x300, 0x70], [0x345, 1], [0x34f, 1], [0x390, 0x40], [0x5b0, 0x30], [0x200b, 5], [0x1ab0, 16], [0x1f00, 0x100], [0xac00, 11172], [0x1d160, 8], [0x1e8d0, 7]] as const;
  const names = Array.from({ length: 20_000 }, () => {
    let name = '';
    for (let length = 1 + random.below(12); length > 0; length--) {
      const [first, count] = ranges[random.below(ranges.length)] as readonly [number, number];
      name += String.fromCodePoint(first + random.below(count));
    }
    return name;
  });
  t.same(disagreements(names), []);
});
