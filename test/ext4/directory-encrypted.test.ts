import t from 'tap';
import { compare, DirectoryReader, kernelListing } from './directory-harness.js';
import { cannotMount, KernelImage } from './kernel-image.js';

/** Exit status where the kernel cannot encrypt. */
const UNSUPPORTED = 77;

/**
 * Adds a key to the mounted filesystem, makes encrypted directories and fills them; the key goes with
 * the mount. AES-256-XTS and AES-256-CTS, policy version 2 (linux/fscrypt.h).
 */
const FILL = `
import errno, fcntl, os, struct, sys
os.chdir(sys.argv[1])
ADD_KEY, SET_POLICY = 0xc0506617, 0x800c6613
key = bytearray(struct.pack("<II32sIII28s", 2, 0, b"", 64, 0, 0, b"") + bytes(range(64)))
top = os.open(".", os.O_RDONLY)
try:
    fcntl.ioctl(top, ADD_KEY, key, True)
except OSError as error:
    if error.errno in (errno.ENOTTY, errno.EOPNOTSUPP): sys.exit(${UNSUPPORTED})
    raise
def encrypted(name):
    os.mkdir(name)
    descriptor = os.open(name, os.O_RDONLY)
    fcntl.ioctl(descriptor, SET_POLICY, struct.pack("<BBBBB3s16s", 2, 1, 4, 0, 0, b"", bytes(key[8:24])))
    os.close(descriptor)
encrypted("small")
for length in (1, 15, 16, 17, 100, 148, 149, 150, 200, 255): open("small/" + "x" * length, "w").close()
os.mkdir("small/directory")
open("small/directory/within", "w").close()
encrypted("large")
for i in range(1500): open("large/%d-%s" % (i, "n" * (i % 240)), "w").close()
os.mkdir("plain")
open("plain/file", "w").close()
`;

const cannotEncrypt = (): string | false => {
  const image = new KernelImage({ features: 'encrypt' });
  try {
    image.fill(FILL);
    return false;
  } catch (error) {
    if ((error as { status?: number }).status !== UNSUPPORTED) throw error;
    return 'the kernel has no fscrypt';
  } finally {
    image.remove();
  }
};
t.setTimeout(300_000);
const skip = cannotMount() || cannotEncrypt();

for (const [kind, features] of [
  ['indexed', 'encrypt'],
  ['linear', 'encrypt,^dir_index'],
] as const) {
  t.test(`names of ${kind} encrypted directories show as the kernel shows them without the key`, { skip }, async (t) => {
    const image = new KernelImage({ features, size: '32M' });
    t.teardown(() => image.remove());
    image.fill(FILL);
    const expected = kernelListing(image);
    const reader = new DirectoryReader(image.open());
    t.teardown(() => reader.filesystem.close());
    t.same(compare(reader, expected), []);
    t.same(compare(reader, expected, 3), [], 'resumed after every third');
    t.same(reader.reports, []);
    const large = reader.resolve('large');
    for (const name of ['', 'x', 'AAAA', '=', 'A'.repeat(252), 'A'.repeat(253), '_'.repeat(40), 'no key']) {
      t.equal(reader.lookup(large, new TextEncoder().encode(name)), 0, `"${name}" is no name`);
    }
  });
}
