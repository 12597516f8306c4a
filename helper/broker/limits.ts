/** How much of the broker one user may have, and all users together. Pure: the time is given. */

export interface Limits {
  /** Connections that have not asked for anything yet, or whose request waits for its turn. */
  readonly waiting: number;
  readonly waitingPerUser: number;
  /** Requests that are worked on. */
  readonly attended: number;
  readonly attendedPerUser: number;
  /** Requests that a user may make at once, and how many more each second. */
  readonly burst: number;
  readonly perSecond: number;
}

export const LIMITS: Limits = { waiting: 256, waitingPerUser: 16, attended: 32, attendedPerUser: 4, burst: 32, perSecond: 2 };

interface Account {
  waiting: number;
  attended: number;
  /** Requests that may be made now, as of `at`. */
  credit: number;
  at: number;
}

export class Accounts {
  readonly #limits: Limits;
  readonly #accounts = new Map<number, Account>();
  #waiting = 0;
  #attended = 0;

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** A connection comes in; false if it may not stay. */
  enter(uid: number, now: number): boolean {
    const account = this.#account(uid, now);
    const { waiting, waitingPerUser } = this.#limits;
    if (this.#waiting >= waiting || account.waiting >= waitingPerUser) return false;
    account.waiting++;
    this.#waiting++;
    return true;
  }

  /** It goes, unattended. */
  leave(uid: number, now: number): void {
    this.#account(uid, now).waiting--;
    this.#waiting--;
    this.#forget(uid);
  }

  /** 'later': others have to be done first. 'too many': more requests than one may make. Otherwise how many others are attended. */
  attend(uid: number, now: number): number | 'later' | 'too many' {
    const account = this.#account(uid, now);
    const { attended, attendedPerUser } = this.#limits;
    if (account.credit < 1) return 'too many';
    if (this.#attended >= attended || account.attended >= attendedPerUser) return 'later';
    account.credit--;
    account.waiting--;
    this.#waiting--;
    this.#attended++;
    return account.attended++;
  }

  done(uid: number, now: number): void {
    this.#account(uid, now).attended--;
    this.#attended--;
    this.#forget(uid);
  }

  get isIdle(): boolean {
    return this.#waiting === 0 && this.#attended === 0;
  }

  #account(uid: number, now: number): Account {
    const { burst, perSecond } = this.#limits;
    const account = this.#accounts.get(uid) ?? { waiting: 0, attended: 0, credit: burst, at: now };
    account.credit = Math.min(burst, account.credit + ((now - account.at) / 1000) * perSecond);
    account.at = now;
    this.#accounts.set(uid, account);
    return account;
  }

  /** Only an account that is like a new one: otherwise leaving would pay. */
  #forget(uid: number): void {
    const account = this.#accounts.get(uid);
    if (account?.waiting === 0 && account.attended === 0 && account.credit >= this.#limits.burst) this.#accounts.delete(uid);
  }
}
