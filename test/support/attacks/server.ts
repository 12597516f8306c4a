/** The server as an attacker would have it: attacks/server.js, where dist/server/main.cjs would be started. */
import { BroadcastChannel } from 'node:worker_threads';
import { serve } from '../../../server/serve.js';
import { wayIn } from '../../../server/way-in.js';
import type { Surroundings } from './attempts.js';
import { attack } from './attack.js';
import { ORDERS } from './verdict.js';

const orders = new BroadcastChannel(ORDERS);
orders.onmessage = (event) => orders.postMessage(attack('main', (event as { readonly data: Surroundings }).data));
const way = wayIn(process.argv.slice(2), process.env);
process.exit(await serve({ way, thread: new URL('./thread.js', import.meta.url) }));
