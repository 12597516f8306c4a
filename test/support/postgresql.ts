/** A PostgreSQL server of a test's own, run by someone who is not root; the machine's own clusters are never touched. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { attempt, type Output } from './command.js';

const DEBIAN = '/usr/lib/postgresql';

/** The newest server's programs: Debian keeps them off the search path, others do not. */
function findPrograms(): string | undefined {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).sort((one, other) => Number(other) - Number(one)) : [];
  const directories = [...versions.map((version) => join(DEBIAN, version, 'bin')), ...(process.env['PATH'] ?? '').split(':')];
  return directories.find((directory) => ['initdb', 'postgres', 'pg_ctl', 'pgbench', 'psql'].every((name) => existsSync(join(directory, name))));
}

const programs = findPrograms();

export const noPostgresql = (): string | false => programs === undefined && 'not installed: postgresql (initdb, postgres, pg_ctl, pgbench, psql)';

/** initdb wants a user that has a name. */
const userNumber = (option: '-u' | '-g'): number => Number(spawnSync('id', [option, 'nobody'], { encoding: 'utf8' }).stdout);

export class Postgresql {
  readonly #data: string;
  /** On another filesystem: what happens to the mount does not take the way to the server away. */
  readonly #sockets: string;
  readonly #user = { uid: userNumber('-u'), gid: userNumber('-g') };
  readonly #log: string[] = [];
  #server: ChildProcess | undefined;
  #ended: Promise<unknown> = Promise.resolve();

  constructor(t: Test, data: string, sockets: string) {
    this.#data = data;
    this.#sockets = sockets;
    mkdirSync(sockets);
    chownSync(sockets, this.#user.uid, this.#user.gid);
    t.teardown(async () => {
      this.#server?.kill('SIGQUIT');
      await this.#ended;
      if (!t.passing()) t.comment(this.#log.join('').slice(-10_000));
    });
  }

  async initialise(): Promise<void> {
    mkdirSync(this.#data, { mode: 0o700 });
    chownSync(this.#data, this.#user.uid, this.#user.gid);
    await this.run('initdb', '-D', this.#data, '-A', 'trust', '-U', 'test', '--locale=C', '-E', 'UTF8', '--data-checksums');
  }

  /** Until it answers, after whatever recovery it needs. */
  start(): Promise<void> {
    const server = spawn(join(programs ?? '', 'postgres'), ['-D', this.#data, '-k', this.#sockets, '-c', 'listen_addresses=', '-c', 'max_wal_size=64MB', '-c', 'shared_buffers=16MB'], {
      ...this.#user,
      cwd: this.#sockets,
      stdio: ['ignore', 'ignore', 'pipe'],
      env: { ...process.env, LC_ALL: 'C' },
    });
    this.#server = server;
    return new Promise((resolve, reject) => {
      let said = '';
      server.stderr.on('data', (chunk: Buffer) => {
        this.#log.push(chunk.toString());
        said += chunk.toString();
        if (said.includes('database system is ready to accept connections')) resolve();
      });
      server.on('error', reject);
      this.#ended = new Promise((done) => server.on('close', done));
      server.on('close', (status) => reject(new Error(`postgres ended with ${String(status)}: ${said.slice(-4000)}`)));
    });
  }

  async stop(mode: 'fast' | 'immediate'): Promise<void> {
    await this.run('pg_ctl', 'stop', '-D', this.#data, '-m', mode, '-t', '300');
    await this.#ended;
  }

  /** When its directory is gone, and pg_ctl would not find it. */
  async kill(): Promise<void> {
    this.#server?.kill('SIGQUIT');
    await this.#ended;
  }

  /** In the surroundings that client programs need to find it. */
  attempt(program: string, ...args: string[]): Promise<Output> {
    const env = { PGHOST: this.#sockets, PGUSER: 'test', PGDATABASE: 'postgres', PGCONNECT_TIMEOUT: '300' };
    return attempt(join(programs ?? '', program), args, { ...this.#user, cwd: this.#sockets, env });
  }

  async run(program: string, ...args: string[]): Promise<string> {
    const { status, stdout, stderr } = await this.attempt(program, ...args);
    if (status !== 0) throw new Error(`${program} ${args.join(' ')}: status ${String(status)}\n${stderr}${stdout.toString()}`);
    return stdout.toString();
  }

  async ask(question: string): Promise<string> {
    return (await this.run('psql', '-X', '-A', '-t', '-c', question)).trim();
  }

  has(program: string): boolean {
    return existsSync(join(programs ?? '', program));
  }
}
