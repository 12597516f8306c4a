/** What a confined process can and cannot do; in a process of its own, since there is no way back. */
import { spawnSync } from 'node:child_process';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';

const confinement = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'server', 'confinement', 'confine.js');

function confined(script: string, environment: NodeJS.ProcessEnv = {}): string {
  const program = `import { confine } from ${JSON.stringify(confinement)}; const { missing } = confine(${JSON.stringify(environment)}); ${script}`;
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' });
  return status === 0 ? stdout.trim() : `exit ${status}: ${stderr}`;
}

t.test('no processes, no network, no way back', async (t) => {
  const spawned = `
    import { spawnSync } from 'node:child_process';
    console.log(spawnSync('/bin/true').error?.code);`;
  t.match(confined(spawned), /^(EPERM|ENOSYS)$/);
  const connected = `
    import { connect } from 'node:net';
    connect(9, '127.0.0.1').on('error', (error) => console.log(error.code));`;
  t.equal(confined(connected), 'EPERM');
  const removed = `
    import { unlinkSync } from 'node:fs';
    try { unlinkSync('/nonexistent'); } catch (error) { console.log(error.code); }`;
  t.equal(confined(removed), 'EPERM', 'it never comes to looking the file up');
  const written = `
    import { openSync } from 'node:fs';
    for (const flags of ['r', 'r+', 'w']) try { openSync('/dev/null', flags); console.log('open'); } catch (error) { console.log(error.code); }`;
  t.equal(confined(written, { FUSE4FS_LANDLOCK: 'off' }), 'open\nEPERM\nEPERM');
  t.equal(confined(written), 'EACCES\nEPERM\nEPERM', 'and nothing but the program can be read');
});

t.test('what a server does still works, in every thread', async (t) => {
  const worked = `
    import { Worker } from 'node:worker_threads';
    import { readFile } from 'node:fs/promises';
    const worker = new Worker(new URL('data:text/javascript,import { parentPort } from "node:worker_threads"; import { readFileSync } from "node:fs"; parentPort.postMessage(readFileSync("/proc/thread-self/status", "utf8"))'));
    worker.on('message', async (status) => {
      const value = (name) => new RegExp(name + ':\\\\s*(\\\\d+)').exec(status)[1];
      console.log(value('Seccomp'), value('NoNewPrivs'), (await readFile('/proc/self/status')).length > 0, process.memoryUsage.rss() > 0);
    });`;
  t.equal(confined(worked, { FUSE4FS_LANDLOCK: 'off' }), '2 1 true true');
});

t.test('the filter can be left off', async (t) => {
  const status = `
    import { readFileSync } from 'node:fs';
    console.log(/Seccomp:\\s*(\\d)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]);`;
  t.equal(confined(status, { FUSE4FS_SECCOMP: 'off', FUSE4FS_LANDLOCK: 'off' }), spawnSync('sed', ['-n', 's/^Seccomp:\\s*//p', '/proc/self/status'], { encoding: 'utf8' }).stdout.trim());
});


t.test('a server that serves opens nothing, looks nothing up, and starts no thread', async (t) => {
  const served = `
    import { confineServing } from ${JSON.stringify(confinement)};
    import { lstatSync, openSync } from 'node:fs';
    import { Worker } from 'node:worker_threads';
    confineServing({ seccomp: 'filter', landlock: 0, missing: [] });
    try { openSync(${JSON.stringify(confinement)}); } catch (error) { console.log(error.code); }
    try { lstatSync('/'); } catch (error) { console.log(error.code); }
    try { new Worker('', { eval: true }); } catch (error) { console.log(error.code); }`;
  t.equal(confined(served), 'EPERM\nEPERM\nERR_WORKER_INIT_FAILED');
});

t.test('what is missing is named', async (t) => {
  const program = 'console.log(missing.join());';
  t.equal(confined(program), '', 'where nothing is');
  t.equal(confined(program, { FUSE4FS_LANDLOCK: 'off', FUSE4FS_SECCOMP: 'log' }), 'landlock,the filter of system calls');
});
