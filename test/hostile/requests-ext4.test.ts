/** Requests at random against a real filesystem: whatever is asked, the answer is a well-formed reply. */
import { fstatSync, openSync, readFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import t from 'tap';
import { Opcode, type OpcodeName } from '../../protocol/fuse/opcodes.js';
import { CorruptionError, errno, FilesystemError } from '../../server/ext4/errors.js';
import { openFilesystem } from '../../server/operations/filesystem.js';
import { cString, FuseCaller, join, pack, request } from '../support/fuse-caller.js';
import { Random } from '../support/random.js';
import { smallImage, type SmallImage } from '../support/small-image.js';

const seed = Number(process.env['SEED'] ?? 7);
const ROUNDS = Number(process.env['ROUNDS'] ?? 30_000);

function caller(image: SmallImage): FuseCaller {
  const descriptor = openSync(image.path, 'r');
  const { size } = fstatSync(descriptor);
  const source = { descriptor, name: 'image', target: '', kind: 'image file', size, offset: 0, sizeLimit: 0, sectorSize: 512, writable: false, options: [] } as const;
  const noJournal = (): never => {
    throw new Error('no external journal here');
  };
  return new FuseCaller(openFilesystem(source, noJournal), 32).initialise();
}

const NAMES = ['file', 'directory', 'sparse', '.', '..', 'a file with number 7', 'short-link', 'user.short', 'system.posix_acl_access', 'trusted.root', 'no', 'x'.repeat(255), 'y'.repeat(256), '/', '\xff\xfe'];
const IOCTLS = [0x8008_6601, 0x801c_581f, 0x8008_7601, 0x8100_9431, 0x4008_6602, 0];

/** A body that gets past the session's own checks, with fields that are anything. */
function body(random: Random, name: OpcodeName): Uint8Array {
  const number = (): number => [random.below(10), random.below(2 ** 20), random.word(), random.word() * 2 ** 20, 2 ** 52][random.below(5)] ?? 0;
  const text = cString(NAMES[random.below(NAMES.length)] ?? 'x');
  switch (name) {
    case 'LOOKUP':
      return text;
    case 'GETXATTR':
      return join(pack([4, random.below(2) * random.word()], [4, 0]), text);
    case 'LISTXATTR':
      return pack([4, random.below(3) * random.below(100_000)], [4, 0]);
    case 'READ':
    case 'READDIR':
    case 'READDIRPLUS':
      return pack([8, number()], [8, number()], [4, number() >>> 0], [4, 0], [8, 0], [4, 0], [4, 0]);
    case 'LSEEK':
      return pack([8, 0], [8, number() * (random.below(2) * 2 - 1)], [4, random.below(6)], [4, 0]);
    case 'BMAP':
      return pack([8, number()], [4, [512, 1024, 4096, 0, 3][random.below(5)] ?? 0], [4, 0]);
    case 'IOCTL':
      return pack([8, 0], [4, 0], [4, IOCTLS[random.below(IOCTLS.length)] ?? 0], [8, 0], [4, 0], [4, random.below(400)]);
    default:
      return random.bytes(random.below(100));
  }
}

t.test(`any request on any node, seed ${seed}`, async (t) => {
  const image = smallImage('-O', 'inline_data');
  t.teardown(() => image.remove());
  const before = createHash('sha256').update(readFileSync(image.path)).digest('hex');
  const random = new Random(seed);
  const kernel = caller(image);
  const names = (Object.keys(Opcode) as OpcodeName[]).filter((name) => !['INIT', 'DESTROY'].includes(name));
  const errors = new Map<number, number>();
  for (let round = 0; round < ROUNDS; round++) {
    const name = names[random.below(names.length)] ?? 'LOOKUP';
    const nodeid = random.below(3) === 0 ? random.nodeid() : random.below(600);
    const answer = kernel.send(request(Opcode[name], nodeid, body(random, name), [random.word(), random.word()]));
    if (answer !== undefined) errors.set(-answer.error, (errors.get(-answer.error) ?? 0) + 1);
    kernel.session.tend(new Float64Array(32));
  }
  const defects = kernel.failures.filter(({ error }) => !(error instanceof FilesystemError));
  t.same(defects.map(({ opcode, error }) => [opcode, String(error)]), []);
  const known = new Set<number>([0, errno.EINVAL, errno.ENOSYS, errno.ESTALE, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.ENXIO, errno.ENODATA,
    errno.ERANGE, errno.ENOTTY, errno.EOPNOTSUPP, errno.ENAMETOOLONG]);
  t.same([...errors.keys()].filter((number) => !known.has(number)), []);
  const damage = kernel.failures.filter(({ error }) => error instanceof CorruptionError);
  t.same(damage.map(({ opcode, error }) => [opcode, String(error)]).slice(0, 5), [], 'a sound image has no damage');
  t.ok((errors.get(0) ?? 0) > ROUNDS / 20, 'many of them succeed');
  kernel.session.close();
  t.equal(createHash('sha256').update(readFileSync(image.path)).digest('hex'), before, 'the image is untouched');
});

t.test('nodes that no one was given', async (t) => {
  const image = smallImage();
  t.teardown(() => image.remove());
  const kernel = caller(image);
  for (const nodeid of [0, 2, 3, 7, 8, 10, 1_000_000, 2 ** 32 + 11, 2 ** 52]) {
    t.equal(kernel.ask('GETATTR', nodeid, new Uint8Array(16)).error, -errno.ESTALE, `node ${nodeid}`);
  }
  t.equal(kernel.ask('GETATTR', 1, new Uint8Array(16)).error, 0);
  t.equal(kernel.ask('LOOKUP', 1, cString('lost+found')).error, 0);
  const up = kernel.ask('LOOKUP', 11, cString('..'));
  t.same([up.error, up.body.getUint32(0, true)], [0, 1], 'the root is node 1, also from below');
  kernel.session.close();
});

t.test('a listing in pieces is the listing', async (t) => {
  const image = smallImage();
  t.teardown(() => image.remove());
  const kernel = caller(image);
  const directory = kernel.ask('LOOKUP', 1, cString('directory')).body.getUint32(0, true);
  const list = (opcode: 'READDIR' | 'READDIRPLUS', size: number): string[] => {
    const names: string[] = [];
    for (let position = 0; ; ) {
      const { error, body, bytes } = kernel.ask(opcode, directory, pack([8, 0], [8, position], [4, size], [4, 0], [8, 0], [4, 0], [4, 0]));
      t.equal(error, 0);
      if (bytes.length === 0) return names;
      for (let at = 0; at < bytes.length; ) {
        const dirent = opcode === 'READDIR' ? at : at + 128;
        const length = body.getUint32(dirent + 16, true);
        names.push(Buffer.from(bytes.subarray(dirent + 24, dirent + 24 + length)).toString());
        position = Number(body.getBigUint64(dirent + 8, true));
        at = dirent + Math.ceil((24 + length) / 8) * 8;
      }
    }
  };
  const whole = list('READDIR', 100_000);
  t.equal(whole.length, 504);
  t.equal(new Set(whole).size, 504);
  t.same(list('READDIR', 100), whole);
  t.same(list('READDIRPLUS', 4096), whole);
  kernel.session.close();
});
