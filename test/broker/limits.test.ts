import t from 'tap';
import { Accounts, type Limits } from '../../helper/broker/limits.js';

const LIMITS: Limits = { waiting: 5, waitingPerUser: 3, attended: 3, attendedPerUser: 2, burst: 4, perSecond: 1 };

t.test('one user takes no more than a share', async (t) => {
  const accounts = new Accounts(LIMITS);
  t.same([1, 2, 3, 4].map(() => accounts.enter(1, 0)), [true, true, true, false]);
  t.same([1, 2, 3].map(() => accounts.enter(2, 0)), [true, true, false], 'all together no more than there is');
  t.same([1, 2, 3].map(() => accounts.attend(1, 0)), [0, 1, 'later'], 'each is told how many others there are');
  t.same([1, 2].map(() => accounts.attend(2, 0)), [0, 'later']);
  accounts.done(1, 0);
  t.equal(accounts.attend(2, 0), 1, 'a place that becomes free');
  t.notOk(accounts.isIdle);
  accounts.leave(1, 0);
  for (const uid of [1, 2, 2]) accounts.done(uid, 0);
  t.ok(accounts.isIdle);
});

t.test('requests take credit, and time gives it back', async (t) => {
  const accounts = new Accounts(LIMITS);
  const ask = (now: number): unknown => {
    accounts.enter(1, now);
    const turn = accounts.attend(1, now);
    if (typeof turn === 'number') accounts.done(1, now);
    else accounts.leave(1, now);
    return turn;
  };
  t.same([0, 0, 0, 0, 0].map(ask), [0, 0, 0, 0, 'too many']);
  t.equal(ask(500), 'too many', 'leaving does not pay');
  t.equal(ask(1000), 0);
  t.equal(ask(1100), 'too many');
  t.same([60_000, 60_000, 60_000, 60_000, 60_000].map(ask), [0, 0, 0, 0, 'too many'], 'no more than the burst');
});
