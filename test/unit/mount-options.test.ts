import t from 'tap';
import { MountError } from '../../helper/mount/errors.js';
import { optionTable } from '../../helper/mount/option-table.js';
import { parseOptions, splitWords } from '../../helper/mount/options.js';

const refusal = (list: string): MountError => {
  try {
    parseOptions([list]);
  } catch (error) {
    if (error instanceof MountError) return error;
    throw error;
  }
  throw new Error(`-o ${list} was accepted`);
};

t.test('words are split at commas outside of double quotes', async (t) => {
  t.same(splitWords('ro,noatime'), ['ro', 'noatime']);
  t.same(splitWords('context="system_u:object_r:tmp_t:s0:c127,c456",ro'), ['context=system_u:object_r:tmp_t:s0:c127,c456', 'ro']);
  t.same(splitWords(',,ro, ,rw,'), ['ro', 'rw']);
  t.same(splitWords(''), []);
  t.throws(() => splitWords('context="a,b'), { code: 'BAD_OPTION' });
  t.throws(() => splitWords('fsname=a\0b'), { code: 'BAD_OPTION' });
});

t.test('later words overrule earlier ones, also across several -o', async (t) => {
  t.equal(parseOptions(['ro,rw']).flags.readOnly, false);
  t.equal(parseOptions(['rw', 'ro']).flags.readOnly, true);
  t.equal(parseOptions(['noatime,strictatime']).flags.accessTime, 'strictatime');
  t.equal(parseOptions(['offset=1,offset=2']).helper.offset, 2);
  t.same(parseOptions(['errors=continue,data=journal,errors=panic']).server, ['data=journal', 'errors=panic']);
});

t.test('what users may mount loses suid, dev and exec, unless they are given back', async (t) => {
  t.match(parseOptions(['user']).flags, { noSuid: true, noDev: true, noExec: true });
  t.match(parseOptions(['user=alice']).flags, { noSuid: true, noDev: true, noExec: true });
  t.match(parseOptions(['users,exec']).flags, { noSuid: true, noDev: true, noExec: false });
  t.match(parseOptions(['owner']).flags, { noSuid: true, noDev: true, noExec: false });
  t.match(parseOptions(['defaults']).flags, { noSuid: false, noDev: false, noExec: false });
});

t.test('each word goes to the one who acts on it', async (t) => {
  const options = parseOptions(['ro,offset=1M,sizelimit=2GiB,allow_other,sb=32768,noload,context="u:r:t,c1",nofail,_netdev,x-systemd.automount,X-mount.mkdir=0755,comment=a b']);
  t.match(options.helper, { offset: 2 ** 20, sizeLimit: 2 ** 31, allowOther: true });
  t.same(options.server, ['sb=32768', 'noload']);
  t.same(options.kernel, [['context', 'u:r:t,c1']]);
  t.same(options.unknown, []);
});

t.test('sizes', async (t) => {
  for (const [text, value] of [['0', 0], ['512', 512], ['4k', 4096], ['1T', 2 ** 40], ['3MiB', 3 * 2 ** 20]] as const)
    t.equal(parseOptions([`offset=${text}`]).helper.offset, value, text);
  for (const text of ['-1', '1.5', '0x10', '1KB', '', '9007199254740993', '99999999T', ' 1'])
    t.match(refusal(`offset=${text}`), { code: 'BAD_OPTION', exitStatus: 1 }, `offset=${text}`);
});

t.test('unknown words are refused by name, unless the caller is sloppy', async (t) => {
  t.match(refusal('ro,bogus,weird=1'), { code: 'BAD_OPTION', exitStatus: 1, message: `unknown options 'bogus', 'weird=1'` });
  t.match(refusal('bind').hint, /mount\(8\) itself/);
  t.equal(parseOptions(['remount,ro']).helper.remount, true);
  t.same(parseOptions(['ro,bogus,weird=1'], { sloppy: true }).unknown, ['bogus', 'weird=1']);
});

t.test('what the kernel needs from us cannot be given by the user', async (t) => {
  for (const word of ['fd=3', 'rootmode=40000', 'user_id=0', 'group_id=0', 'blksize=4096']) t.equal(refusal(word).code, 'BAD_OPTION', word);
});

t.test('values', async (t) => {
  t.match(refusal('errors=explode').message, /errors.*continue, remount-ro, panic/);
  t.match(refusal('sb').message, /'sb' needs a value: sb=BLOCK/);
  t.match(refusal('sb=x').message, /whole number/);
  t.match(refusal('noload=1').message, /takes no value/);
  t.same(parseOptions(['barrier,auto_da_alloc=0,init_itable=10,data_err=abort']).server, ['barrier']);
  t.same(parseOptions(['barrier=0']).server, ['barrier=0']);
  t.match(refusal('barrier=2').code, 'BAD_OPTION');
});

t.test('the table', async (t) => {
  const names = optionTable.map(({ name }) => name);
  t.same(names.filter((name, index) => names.indexOf(name) !== index), [], 'no option is there twice');
  for (const entry of optionTable) {
    t.ok(entry.help.length > 5, `${entry.name} is explained`);
    const value = 'value' in entry ? entry.value : undefined;
    if (value === undefined || value.optional) t.doesNotThrow(() => parseOptions([entry.name]), `${entry.name} is accepted alone`);
    else t.throws(() => parseOptions([entry.name]), { code: 'BAD_OPTION' }, `${entry.name} wants a value`);
  }
});
