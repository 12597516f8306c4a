import { constants } from 'node:os';
import t from 'tap';
import { CorruptionError, DeviceError } from '../../server/ext4/errors.js';
import { advance } from '../../server/session/device-loop.js';
import type { FuseDevice } from '../../server/session/device.js';
import { DEFERRED, NO_REPLY, POSTPONED } from '../../server/session/handler.js';
import { cString, filesystemOf, FuseCaller, initBody, offeredByLinux, pack, request } from '../support/fuse-caller.js';

const { EINVAL, EIO, ENODEV, ENOENT, ENOSYS, EPROTO, ECONNABORTED } = constants.errno;

t.test('INIT is negotiated', async (t) => {
  const caller = new FuseCaller(filesystemOf({}), 256);
  const { error, body } = caller.ask('INIT', 0, initBody(offeredByLinux));
  t.equal(error, 0);
  t.equal(body.byteLength, 64);
  t.same([body.getUint32(0, true), body.getUint32(4, true)], [7, 45]);
  t.equal(body.getUint32(20, true), 1024 * 1024, 'max_write');
  t.equal(body.getUint32(24, true), 1, 'time_gran');
  t.equal(body.getUint16(28, true), 256, 'max_pages');
  const features = caller.session.connection?.features;
  for (const name of ['POSIX_ACL', 'PARALLEL_DIROPS', 'CACHE_SYMLINKS', 'ALLOW_IDMAP', 'EXPLICIT_INVAL_DATA'] as const) {
    t.ok(features?.has(name), name);
  }
  for (const name of ['AUTO_INVAL_DATA', 'WRITEBACK_CACHE', 'POSIX_LOCKS', 'ATOMIC_O_TRUNC', 'OVER_IO_URING'] as const) {
    t.notOk(features?.has(name), name);
  }
  t.equal(caller.ask('INIT', 0, initBody(offeredByLinux)).error, -EIO, 'only once');
});

t.test('INIT of an old kernel has no second word of flags', async (t) => {
  const caller = new FuseCaller(filesystemOf({}));
  const { error } = caller.ask('INIT', 0, initBody(offeredByLinux, 7, 31).subarray(0, 16));
  t.equal(error, 0);
  t.equal(caller.session.connection?.minor, 31);
  t.notOk(caller.session.connection?.features.has('ALLOW_IDMAP'));
});

t.test('INIT is refused where the contract cannot be kept', async (t) => {
  const without = (missing: string) => offeredByLinux.filter((name) => name !== missing);
  for (const missing of ['POSIX_ACL', 'NO_OPEN_SUPPORT', 'NO_OPENDIR_SUPPORT']) {
    const caller = new FuseCaller(filesystemOf({}));
    t.equal(caller.ask('INIT', 0, initBody(without(missing))).error, -EPROTO);
    t.match(caller.session.refusal, missing);
  }
  const old = new FuseCaller(filesystemOf({}));
  t.equal(old.ask('INIT', 0, initBody(offeredByLinux, 7, 12)).error, -EPROTO);
  t.match(old.session.refusal, '7.12');
  const writing = new FuseCaller(filesystemOf({}, { readOnly: false }));
  t.equal(writing.ask('INIT', 0, initBody(without('HANDLE_KILLPRIV_V2'))).error, -EPROTO);
});

t.test('a filesystem without fractions of seconds says so', async (t) => {
  const caller = new FuseCaller(filesystemOf({}, { timeGranularity: 1e9 }));
  t.equal(caller.ask('INIT', 0, initBody(offeredByLinux)).body.getUint32(24, true), 1e9, 'time_gran');
});

t.test('a later major version is told ours and asked again', async (t) => {
  const caller = new FuseCaller(filesystemOf({}));
  const { error, body } = caller.ask('INIT', 0, initBody(offeredByLinux, 8, 0));
  t.same([error, body.getUint32(0, true)], [0, 7]);
  t.equal(caller.session.connection, undefined);
  caller.initialise();
  t.ok(caller.session.connection);
});

t.test('a read-write filesystem gets the writeback cache', async (t) => {
  const { session } = new FuseCaller(filesystemOf({}, { readOnly: false })).initialise();
  for (const name of ['WRITEBACK_CACHE', 'DONT_MASK', 'SETXATTR_EXT'] as const) t.ok(session.connection?.features.has(name));
  t.notOk(session.connection?.features.has('ATOMIC_O_TRUNC'), 'no-open and O_TRUNC in OPEN exclude each other');
});

t.test('outcomes of a handler', async (t) => {
  const outcomes: Record<string, () => number> = {
    ok: () => 4,
    enoent: () => -ENOENT,
    none: () => NO_REPLY,
    deferred: () => DEFERRED,
    nonsense: () => -5000,
    fraction: () => Number.NaN,
    corrupt: () => {
      throw new CorruptionError('inode', { inode: 12 }, 'it is bad');
    },
    bug: () => {
      throw new TypeError('undefined is not a function');
    },
    nodes: () => {
      throw Object.assign(new Error('read'), { errno: -constants.errno.EACCES });
    },
  };
  const caller = new FuseCaller(
    filesystemOf({
      LOOKUP: ({ bytes, nameOffset, nameLength }) => {
        const name = Buffer.from(bytes.subarray(nameOffset, nameOffset + nameLength)).toString();
        return outcomes[name]?.() ?? -EINVAL;
      },
    }),
  ).initialise();
  const lookup = (name: string) => caller.send(request(1, 1, cString(name), [0xfffffffe, 0x80000001]));

  const ok = lookup('ok');
  t.same([ok?.error, ok?.bytes.length], [0, 4]);
  t.same([ok?.uniqueLow, ok?.uniqueHigh], [0xfffffffe, 0x80000001], 'unique comes back bit by bit');
  t.same([lookup('enoent')?.error, lookup('enoent')?.bytes.length], [-ENOENT, 0]);
  t.equal(lookup('none'), undefined);
  t.equal(lookup('deferred'), undefined);
  t.equal(caller.failures.length, 0);
  t.equal(lookup('nonsense')?.error, -EIO);
  t.equal(lookup('fraction')?.error, -EIO);
  t.equal(lookup('corrupt')?.error, -117, 'EUCLEAN');
  t.equal(lookup('bug')?.error, -EIO);
  t.equal(lookup('nodes')?.error, -EIO, "Node's own errors are defects");
  t.equal(caller.failures.length, 5);
  t.equal(caller.counters.byOpcode()['LOOKUP'], 10);
  t.equal(caller.counters.errors, 5, 'a missing name is no error');
  t.notOk(caller.counters.busy);
});

t.test('two names', async (t) => {
  let seen: string[] = [];
  const caller = new FuseCaller(
    filesystemOf({
      RENAME2: (request) => {
        const at = (offset: number, length: number) => Buffer.from(request.bytes.subarray(offset, offset + length)).toString();
        seen = [at(request.nameOffset, request.nameLength), at(request.secondNameOffset, request.secondNameLength)];
        return 0;
      },
    }),
  ).initialise();
  const fixed = pack([8, 1], [4, 0], [4, 0]);
  t.equal(caller.ask('RENAME2', 1, fixed, cString('from'), cString('to')).error, 0);
  t.same(seen, ['from', 'to']);
  t.equal(caller.ask('RENAME2', 1, fixed, cString('from')).error, -EINVAL);
  t.equal(caller.ask('RENAME2', 1, fixed, cString('from'), cString('')).error, -EINVAL);
});

t.test('extensions are not part of the body', async (t) => {
  let seen = -1;
  const caller = new FuseCaller(filesystemOf({ MKDIR: ({ bodyLength }) => ((seen = bodyLength), -ENOENT) })).initialise();
  const body = Buffer.concat([pack([4, 0], [4, 0]), cString('d'), pack([4, 16], [4, 32], [4, 1], [4, 777])]);
  const bytes = request(9, 1, body);
  new DataView(bytes.buffer).setUint16(36, 2, true);
  t.equal(caller.send(bytes)?.error, -ENOENT);
  t.equal(seen, 10);
});

t.test('DESTROY closes before it is answered, and once', async (t) => {
  const filesystem = filesystemOf({});
  const { session } = new FuseCaller(filesystem).initialise();
  const caller = new FuseCaller(filesystem).initialise();
  t.equal(caller.ask('DESTROY', 0).error, 0);
  t.equal(filesystem.closed, 1);
  t.ok(caller.session.destroyed);
  caller.session.close();
  t.equal(filesystem.closed, 1);
  session.close();
  t.equal(filesystem.closed, 2, 'another session, another close');
});

t.test('a DESTROY that fails is not forgotten', async (t) => {
  const filesystem = filesystemOf({});
  filesystem.close = () => {
    throw new DeviceError('the last write failed');
  };
  const caller = new FuseCaller(filesystem).initialise();
  t.equal(caller.ask('DESTROY', 0).error, -EIO);
  t.equal(caller.failures.length, 1);
  t.throws(() => caller.session.close(), DeviceError, 'so that the exit says it too');
});

t.test('INTERRUPT and unknown opcodes', async (t) => {
  const caller = new FuseCaller(filesystemOf({})).initialise();
  t.equal(caller.ask('INTERRUPT', 0, pack([8, 2])).error, -ENOSYS);
  for (const opcode of [0, 7, 19, 54, 63, 64, 4096, 436207616, 0xffffffff]) {
    t.equal(caller.send(request(opcode, 1, new Uint8Array(0)))?.error, -ENOSYS, `opcode ${opcode}`);
  }
  t.equal(caller.send(request(2, 5, pack([8, 1]))), undefined, 'FORGET is never answered');
  t.equal(caller.send(request(42, 0, pack([4, 1], [4, 0]))), undefined);
});

t.test('the loop ends as the device says', async (t) => {
  const filesystem = filesystemOf({ LOOKUP: () => -ENOENT });
  const { session } = new FuseCaller(filesystem);
  const lookup = request(1, 1, cString('x'));
  const deviceOf = (received: number, sent = 0): FuseDevice => ({
    receive: ({ bytes, start }) => (bytes.set(lookup, start), received),
    hasRequest: () => false,
    othersWait: () => false,
    send: (_, length) => (sent < 0 ? sent : length),
  });
  t.equal(advance(deviceOf(lookup.length), session), undefined);
  t.equal(advance(deviceOf(-ENOENT), session), undefined, 'a request taken back');
  t.equal(advance(deviceOf(lookup.length, -ENOENT), session), undefined, 'a caller that is gone');
  t.same(advance(deviceOf(-ENODEV), session), { reason: 'unmounted' });
  t.same(advance(deviceOf(-ECONNABORTED), session), { reason: 'aborted' });
  t.match(advance(deviceOf(-EINVAL), session), { reason: 'failed' });
  t.same(advance(deviceOf(lookup.length, -ENODEV), session), { reason: 'unmounted' });
});

/** A device with requests on it, each LOOKUP of a name. @returns what becomes of each, in the order of the answers */
function answersTo(names: readonly string[], outcome: (name: string, isRepeated: boolean) => number): string[] {
  const answers: string[] = [];
  const { session } = new FuseCaller(
    filesystemOf({
      LOOKUP: (asked) => outcome(Buffer.from(asked.bytes.subarray(asked.nameOffset, asked.nameOffset + asked.nameLength)).toString(), asked.isRepeated),
    }),
  );
  let next = 0;
  const device: FuseDevice = {
    receive: ({ bytes, start }) => {
      const name = names[next];
      if (name === undefined) return -ENODEV;
      const message = request(1, 1, cString(name), [next++, 0]);
      bytes.fill(0x2f, start);
      bytes.set(message, start);
      return message.length;
    },
    hasRequest: () => next < names.length,
    othersWait: () => next < names.length,
    send: ({ view, start }, length) => {
      answers.push(`${names[view.getUint32(start + 8, true)]} ${view.getInt32(start + 4, true)}`);
      return length;
    },
  };
  while (advance(device, session) === undefined);
  return answers;
}

t.test('a postponed request is handled again when no other waits', async (t) => {
  const room = new Set<string>();
  const said = answersTo(['a', 'b', 'forget', 'c'], (name, isRepeated) => {
    if (name === 'forget') room.add('b');
    if (name === 'c' || name === 'forget' || room.has(name)) return 0;
    return isRepeated ? -ENOENT : POSTPONED;
  });
  t.strictSame(said, ['forget 0', 'c 0', `a ${-ENOENT}`, 'b 0']);
});

t.test('others do not keep a postponed request waiting', async (t) => {
  const others = Array.from({ length: 100 }, (_, index) => `other${index}`);
  const said = answersTo(['first', ...others.slice(0, 10), 'second', ...others.slice(10)], (name, isRepeated) => (isRepeated || name.startsWith('other') ? 0 : POSTPONED));
  const [first, second] = [said.indexOf('first 0'), said.indexOf('second 0')];
  t.equal(said.length, 102);
  t.ok(first > 8 && first < 40, String(first));
  t.equal(second - first, 12, 'eleven requests came from the one to the other');
});

t.test('a request is postponed only once', async (t) => {
  t.strictSame(answersTo(['never'], () => POSTPONED), [`never ${-EIO}`]);
});
