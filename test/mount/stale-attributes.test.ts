/** How many blocks a file takes, as stat(2) tells while it grows: right, and without a request for each write. */
import { closeSync, fsyncSync, openSync, statSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import t from 'tap';
import { makeImage, mebibyte } from '../support/image.js';
import { cannotMount, missing } from '../support/machine.js';
import { fuseMount } from '../support/mount.js';
import { scratchDirectory } from '../support/scratch.js';
import { requestsOf } from '../support/server.js';

const skip = cannotMount() || missing('mke2fs');
const PAGE = Buffer.alloc(4096, 'x');
const SECTORS = 8;
/** The server tells the kernel so often, in so many milliseconds, that attributes are out of date. */
const TOLD = 16;
const WINDOW = 50;

t.test('appends, each of them synced', { skip }, async (t) => {
  const image = await makeImage(scratchDirectory(t), { size: 64 * mebibyte });
  await fuseMount(image, [], async (target) => {
    const path = join(target, 'file');
    const file = openSync(path, 'w');
    const append = (): void => {
      writeSync(file, PAGE);
      fsyncSync(file);
    };
    for (let appended = 1; appended <= 10; appended++) {
      append();
      t.equal(statSync(path).blocks, appended * SECTORS, `after append ${appended}`);
    }
    const before = await requestsOf(target);
    const APPENDS = 1000;
    const started = performance.now();
    for (let appended = 0; appended < APPENDS; appended++) append();
    const windows = (performance.now() - started) / WINDOW + 2;
    const after = await requestsOf(target);
    t.equal(after['WRITE']! - before['WRITE']!, APPENDS);
    const asked = after['GETATTR']! - before['GETATTR']!;
    t.ok(asked <= TOLD * windows, `GETATTR: ${asked} times`);
    t.comment(`${Math.round(APPENDS / windows)} appends and ${Math.round(asked / windows)} GETATTR in ${WINDOW} ms`);
    const deadline = performance.now() + 60_000;
    while (statSync(path).blocks !== (10 + APPENDS) * SECTORS && performance.now() < deadline) await pause(10);
    t.equal(statSync(path).blocks, (10 + APPENDS) * SECTORS, 'without another request, the last of them are told too');
    closeSync(file);
  });
});
