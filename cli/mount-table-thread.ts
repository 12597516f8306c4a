/** Waits in the kernel for changes of the mount table, which the main thread cannot: it has others to listen to. */
import { openSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { shim } from '../protocol/seqpacket/shim.js';

/** The kernel's POLLPRI; it comes with POLLERR, which nobody has to ask for. */
const POLLPRI = 0x002;
const FOREVER = -1;

// What changes from here on is noticed, so that whoever looks after this message misses nothing.
const table = openSync('/proc/self/mountinfo', 'r');
parentPort?.postMessage('changed');
for (;;) if (shim.poll(table, POLLPRI, FOREVER) > 0) parentPort?.postMessage('changed');
