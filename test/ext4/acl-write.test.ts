import { copyFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import t from 'tap';
import { errno } from '../../server/ext4/errors.js';
import type { Inode } from '../../server/ext4/inode.js';
import { inodeNumber } from '../../server/ext4/units.js';
import { AclEditor, type AclKind } from '../../server/ext4/xattr/acl-editor.js';
import { Random } from '../support/random.js';
import { cannotMount, KernelImage } from './kernel-image.js';
import { Workbench } from './xattr-workbench.js';

type Entry = readonly [tag: number, permissions: number, id: number];
const NO_ID = 0xffffffff;

function wire(entries: readonly Entry[]): Buffer {
  const bytes = Buffer.alloc(4 + entries.length * 8);
  bytes.writeUInt32LE(2, 0);
  entries.forEach(([tag, permissions, id], index) => {
    bytes.writeUInt16LE(tag, 4 + index * 8);
    bytes.writeUInt16LE(permissions, 6 + index * 8);
    bytes.writeUInt32LE(id, 8 + index * 8);
  });
  return bytes;
}

function randomAcl(random: Random): Buffer {
  const bits = () => random.below(8);
  const named = (tag: number): Entry[] => Array.from({ length: random.below(3) }, () => [tag, bits(), random.below(5000)]);
  const users = named(0x02);
  const groups = named(0x08);
  const mask: Entry[] = users.length + groups.length > 0 || random.below(3) === 0 ? [[0x10, bits(), NO_ID]] : [];
  const entries: Entry[] = [[0x01, bits(), NO_ID], ...users, [0x04, bits(), NO_ID], ...groups, ...mask, [0x20, bits(), NO_ID]];
  if (random.below(10) === 0) entries.splice(random.below(entries.length), 1);
  return wire(random.below(15) === 0 ? [] : entries);
}

/** Makes the same calls to the kernel; prints errno and mode after each. */
const APPLY = `
import json, os, sys
results = []
for call in json.load(sys.stdin):
    path = os.path.join(sys.argv[1], call["path"])
    error = 0
    try:
        if call["kind"] == "chmod":
            os.chmod(path, call["mode"])
        elif call["kind"] == "create":
            os.umask(0o22)
            new = os.path.join(path, "new")
            if call["mode"] & 1:
                os.mkdir(new, call["mode"])
            else:
                os.close(os.open(new, os.O_CREAT | os.O_EXCL | os.O_RDWR, call["mode"]))
            found = {name: os.getxattr(new, name).hex() for name in sorted(os.listxattr(new))}
            results.append([os.stat(new).st_mode & 0o7777, found])
            (os.rmdir if call["mode"] & 1 else os.remove)(new)
            continue
        else:
            os.setxattr(path, "system.posix_acl_" + call["kind"], bytes.fromhex(call["acl"]))
    except OSError as caught:
        error = caught.errno
    results.append([error, os.stat(path).st_mode & 0o7777])
json.dump(results, sys.stdout)
`;

t.test('access control lists and modes follow each other as with the kernel', { skip: cannotMount() }, async (t) => {
  const seed = Number(process.env['FUSE4FS_SEED'] ?? 11);
  t.comment(`seed ${seed} (FUSE4FS_SEED sets it)`);
  const random = new Random(seed);
  const image = new KernelImage({ mke2fs: ['-b', '1024', '-I', '256'] });
  t.teardown(() => image.remove());
  image.fill(`
import os, sys
for name in ["directory", "plain"]:
    os.mkdir(os.path.join(sys.argv[1], name))
for name in ["file", "directory/new-file"]:
    open(os.path.join(sys.argv[1], name), "w").close()
os.mkdir(os.path.join(sys.argv[1], "directory/new-directory"))
`);
  const inodes = Object.fromEntries(image.survey().map(({ path, inode }) => [path, inodeNumber(inode)]));
  const pristine = `${image.path}.pristine`;
  copyFileSync(image.path, pristine);

  const calls = Array.from({ length: 600 }, () => {
    const kind = (['access', 'access', 'default', 'chmod', 'create'] as const)[random.below(5)] as AclKind | 'chmod' | 'create';
    const path = kind === 'create' || random.below(2) === 0 ? 'directory' : 'file';
    return { kind, path, acl: randomAcl(random).toString('hex'), mode: random.below(0o1000) | (kind === 'create' ? 0o600 : 0o2000) };
  });
  const kernel = image.mounted('rw', (mountPoint) => JSON.parse(execFileSync('python3', ['-c', APPLY, mountPoint], { input: JSON.stringify(calls) }).toString()) as [number, unknown][]);

  copyFileSync(pristine, image.path);
  const bench = new Workbench(image.path);
  const { filesystem } = bench;
  const acls = new AclEditor(filesystem.attributes, bench.attributes, bench.inodeEditor);
  const at = (path: string): Inode => filesystem.inode(inodes[path] ?? inodeNumber(0));
  const aclOf = (inode: Inode, name: string): string | undefined => {
    const target = Buffer.alloc(4096);
    const size = filesystem.attributes.get(inode, Buffer.from(name), 0, name.length, target, 0, target.length);
    return size < 0 ? undefined : target.subarray(0, size).toString('hex');
  };

  for (const [index, { kind, path, acl, mode }] of calls.entries()) {
    const result = bench.run(() => {
      const inode = at(path);
      if (kind === 'chmod') {
        bench.inodeEditor.setMode(inode, (inode.mode & 0o170000) | mode);
        acls.followMode(inode, true);
        return [0, inode.mode & 0o7777];
      }
      if (kind !== 'create') {
        const bytes = Buffer.from(acl, 'hex');
        const answer = acls.set(inode, kind, bytes, 0, bytes.length, false, true);
        return [Math.max(0, -answer), inode.mode & 0o7777];
      }
      const isDirectory = (mode & 1) !== 0;
      const made = at(isDirectory ? 'directory/new-directory' : 'directory/new-file');
      bench.attributes.removeAll(made);
      bench.inodeEditor.setMode(made, (made.mode & 0o170000) | mode);
      const inherits = acls.inherit(made, inode, true);
      if (inherits === 0) bench.inodeEditor.setMode(made, made.mode & ~0o22);
      const names = ['system.posix_acl_access', 'system.posix_acl_default'];
      const found = Object.fromEntries(names.map((name) => [name, aclOf(made, name)]).filter(([, value]) => value !== undefined));
      return [made.mode & 0o777, found];
    });
    const expected = kernel[index] as [number, unknown];
    // A new directory also takes over the set-group-id bit of its parent, which is not the list's doing.
    if (kind === 'create') expected[0] &= 0o777;
    t.same(result, expected, `call ${index}: ${kind} ${path} ${kind === 'chmod' || kind === 'create' ? mode.toString(8) : acl}`);
  }
  t.ok(kernel.filter(([error]) => error === errno.EINVAL).length > 10, 'some lists are refused');
  bench.save(image.path);
  t.equal(image.fsck(), '');
});
