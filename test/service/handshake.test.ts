import { fstatSync, openSync } from 'node:fs';
import t from 'tap';
import { closeDescriptors } from '../../protocol/seqpacket/descriptors.js';
import { HandshakeError } from '../../protocol/packets/errors.js';
import { HelperEnd } from '../../protocol/service/helper-end.js';
import { PeerProcess, openDescriptors } from './handshake-process.js';
import { samples } from './handshake-samples.js';

const identity = (fd: number) => {
  const { dev, ino } = fstatSync(fd);
  return `${dev}:${ino}`;
};

const peer = new PeerProcess();
t.teardown(() => peer.stop());

const given = ['/dev/null', '/dev/zero', '/dev/full', '/dev/random', '/dev/urandom'].map((path) => openSync(path, 'r'));
const [device = -1, fuse = -1, clone = -1, other = -1, status = -1] = given;
t.teardown(() => closeDescriptors(given));

for (const journal of [false, true]) {
  t.test(`a whole handshake with a server in another process, ${journal ? 'external' : 'internal'} journal`, (t) => {
    const before = openDescriptors();
    const end = HelperEnd.start(peer.play([{ do: 'serve', journal }]));

    t.match(end.hello(), { version: 1, software: /^fuse4fs/ });
    let answer = end.source({ ...samples.source, descriptors: { device, fuse } });
    if (journal) {
      t.same(answer, samples.needJournal);
      answer = end.journal({ ...samples.journal, descriptors: { device: other } });
    }
    t.same(answer, samples.mountPlan);
    t.same(end.mounted({ ...samples.mounted, descriptors: { fuseClones: [clone, other], statusListener: status } }), samples.ready);
    t.equal(end.state, 'done');
    end.close();

    const { taken, files, closeOnExec, leaked } = peer.report();
    t.same(taken.map(({ type }) => type), journal ? ['source', 'journal', 'mounted'] : ['source', 'mounted']);
    t.match(taken[0], { ...samples.source, descriptors: {} }, 'every field arrives as it was sent');
    const sent = [device, fuse, ...(journal ? [other] : []), clone, other, status];
    t.same(files, sent.map(identity), 'each descriptor arrives in its role');
    t.ok(closeOnExec.every(Boolean), 'received descriptors are close-on-exec');
    t.equal(leaked, 0);
    t.equal(openDescriptors(), before);
    t.end();
  });
}

t.test('methods out of order change nothing', (t) => {
  const end = HelperEnd.start(peer.play([{ do: 'serve', journal: false }]));
  const outOfOrder = { name: 'HandshakeError', code: 'STATE' };
  const source = { ...samples.source, descriptors: { device, fuse } };
  const mounted = { ...samples.mounted, descriptors: { fuseClones: [], statusListener: undefined } };

  t.throws(() => end.source(source), outOfOrder);
  end.hello();
  t.throws(() => end.hello(), outOfOrder);
  t.throws(() => end.mounted(mounted), outOfOrder);
  t.throws(() => end.source({ ...source, sectorSize: 513 }), { code: 'MALFORMED', message: /source\.sectorSize/ }, 'nor does a message that must not be sent');
  t.equal(end.source(source).type, 'mountPlan');
  t.throws(() => end.journal({ ...samples.journal, descriptors: { device } }), outOfOrder);
  t.throws(() => end.mounted({ ...mounted, descriptors: { fuseClones: [clone, clone, clone] } }), outOfOrder, 'more clones than asked for');
  t.equal(end.mounted(mounted).type, 'ready', 'fewer clones than asked for, and no status socket, are fine');
  t.throws(() => end.mounted(mounted), outOfOrder);
  end.close();
  t.equal(end.state, 'closed');
  t.throws(() => end.hello(), HandshakeError);
  end.refuse({ code: 'INTERNAL', message: 'too late', hint: '' });
  peer.report();
  t.end();
});
