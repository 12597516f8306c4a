import t from 'tap';
import { wayIn, UsageError } from '../../server/way-in.js';
import { CorruptionError, DeviceError, NotExt4Error, UnsupportedError } from '../../server/ext4/errors.js';
import { parseServerOptions } from '../../server/operations/options.js';
import { OptionError } from '../../server/session/filesystem.js';
import { toRefusal } from '../../server/session/refusal.js';

t.test('mount options of the server', async (t) => {
  t.match(parseServerOptions([]), { recoverJournal: true, acl: true, userAttributes: true, minixStatfs: false });
  t.match(parseServerOptions(['sb=32768', 'noload', 'cache=64M', 'noacl', 'minixdf', 'nouser_xattr']), {
    superblock: 32768,
    recoverJournal: false,
    cacheBytes: 64 * 2 ** 20,
    acl: false,
    minixStatfs: true,
    userAttributes: false,
  });
  t.equal(parseServerOptions(['noacl', 'acl']).acl, true, 'the later one counts');
  t.equal(parseServerOptions(['cache=1T']).cacheBytes, 2 ** 40, 'in all units that fuse4fs(5) names');
  t.doesNotThrow(() => parseServerOptions(['data=ordered', 'errors=continue', 'commit=5']));
  for (const wrong of ['frobnicate', 'sb', 'sb=-1', 'sb=1e3', 'cache=lots', 'constructor', '__proto__=1', '']) {
    t.throws(() => parseServerOptions([wrong]), OptionError, wrong);
  }
});

t.test('the socket comes from systemd or from a helper, or is made', async (t) => {
  t.equal(wayIn(['--socket-fd=7'], {}), 7);
  t.equal(wayIn([], { LISTEN_FDS: '1', LISTEN_PID: String(process.pid) }), 3);
  t.equal(wayIn([], { LISTEN_FDS: '1' }), 3);
  t.throws(() => wayIn([], {}), UsageError);
  t.throws(() => wayIn([], { LISTEN_FDS: '1', LISTEN_PID: '1' }), UsageError);
  t.throws(() => wayIn([], { LISTEN_FDS: '2' }), UsageError);
  t.throws(() => wayIn(['--socket-fd=x'], {}), UsageError);
  t.throws(() => wayIn(['--socket-fd=3', '--more'], {}), UsageError);
  t.same(wayIn(['--listen=/run/fuse4fs/server.sock'], {}), { listenOn: '/run/fuse4fs/server.sock' });
  for (const wrong of ['--listen', '--listen=', '--listen=here']) t.throws(() => wayIn([wrong], {}), UsageError, wrong);
  t.throws(() => wayIn(['--listen=/a', '--listen=/b'], {}), UsageError);
});

t.test('refusals name what was wrong', async (t) => {
  t.match(toRefusal(new NotExt4Error('no superblock'), '/dev/sdb1'), { code: 'NOT_EXT4', message: '/dev/sdb1: no superblock' });
  t.match(toRefusal(new UnsupportedError('feature x'), 'i'), { code: 'UNSUPPORTED_FEATURE' });
  t.match(toRefusal(new CorruptionError('inode', { inode: 2 }, 'bad'), 'i'), { code: 'CORRUPT', hint: /e2fsck/ });
  t.match(toRefusal(new DeviceError('gone'), 'i'), { code: 'IO' });
  t.match(toRefusal(new OptionError('unknown option "x"'), 'i'), { code: 'BAD_OPTION' });
  t.match(toRefusal(new TypeError('undefined'), 'i'), { code: 'INTERNAL' });
  t.match(toRefusal(Object.assign(new Error('open'), { code: 'EACCES' }), 'i'), { code: 'INTERNAL' });
  t.match(toRefusal('what', 'i'), { code: 'INTERNAL', message: 'i: what' });
});
