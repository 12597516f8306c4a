import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';
import type { StatusReport } from '../../server/status/report.js';

/** How many requests have reached a server that expected an answer. */
export async function requestsOf(statusPath: string): Promise<number> {
  const socket = connect(statusPath);
  try {
    socket.write('{"request":"status"}\n');
    const [line] = (await once(createInterface({ input: socket }), 'line')) as [string];
    const requests = Object.entries((JSON.parse(line) as StatusReport).requests);
    return requests.reduce((sum, [opcode, count]) => (opcode.endsWith('FORGET') ? sum : sum + count), 0);
  } finally {
    socket.destroy();
  }
}

/** Of all threads of a process, finer than in its stat. */
export function processorNanoseconds(pid: number): number {
  const tasks = `/proc/${pid}/task`;
  return readdirSync(tasks).reduce((sum, task) => sum + Number(readFileSync(`${tasks}/${task}/schedstat`, 'utf8').split(' ')[0]), 0);
}
