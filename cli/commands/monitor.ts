import { Command } from 'commander';
import { writeSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { Observer, type MonitorEvent } from '../../helper/automount/observer.js';
import { readAll, SYSTEM_RECORDS, type Record } from '../../helper/automount/record.js';
import { watchDirectory } from '../../helper/automount/watch-directory.js';
import { readMounts, type MountEntry } from '../../helper/mount/mountinfo.js';
import { printable } from '../../protocol/packets/fields.js';

const LONGEST_LINE = 8192;

export function monitorCommand(): Command {
  return new Command('monitor')
    .summary('tell what appears, is mounted, fails and goes, as it happens')
    .description('Tells of devices that appear and what becomes of them, and of all mounts of fuse4fs, those that are there first; until it is stopped.')
    .option('--json', 'a JSON object for each event, on a line of its own')
    .option('--records <DIRECTORY>', 'where the automount keeps what became of each device', SYSTEM_RECORDS)
    .action(async ({ json = false, records }: { json?: boolean; records: string }) => {
      const observer = new Observer();
      let isPresent = true;
      const look = (): void => {
        for (const event of observer.observe(...lookAt(records))) tell(json ? asJson(event, isPresent) : describe(event));
        isPresent = false;
      };
      watchDirectory(records, () => {
        // Not before the first look, which has to follow the thread's.
        if (!isPresent) look();
      });
      const thread = new Worker(new URL('./mount-table-thread.js', import.meta.url));
      await new Promise((_, reject) => thread.on('message', look).on('error', reject));
    });
}

/** Both as they were at one moment: otherwise a device could go before its mount did. */
function lookAt(directory: string): readonly [mounts: readonly MountEntry[], records: readonly Record[]] {
  for (;;) {
    const before = readAll(directory);
    const mounts = readMounts();
    const after = readAll(directory);
    if (JSON.stringify(before) === JSON.stringify(after)) return [mounts, after];
  }
}

function tell(line: string): void {
  try {
    writeSync(1, `${line}\n`);
  } catch {
    // Nobody listens any more. The thread waits in the kernel, where exit() would wait for it.
    process.kill(process.pid, 'SIGTERM');
  }
}

/** `present`: it was so before anybody looked. */
const asJson = (event: MonitorEvent, isPresent: boolean): string => JSON.stringify({ time: new Date().toISOString(), ...event, ...(isPresent && { present: true }) });

function describe(event: MonitorEvent): string {
  const time = new Date().toTimeString().slice(0, 8);
  return printable(`${time} ${event.source} ${inWords(event)}`, LONGEST_LINE);
}

function inWords(event: MonitorEvent): string {
  switch (event.event) {
    case 'appeared':
      return `appeared: ${event.type || 'no filesystem'}${event.label === '' ? '' : `, label ${event.label}`}`;
    case 'ignored':
      return `left alone: ${event.because}`;
    case 'failed':
      return `not mounted: ${event.message}`;
    case 'offered':
      return `is mounted on ${event.target} as soon as somebody looks`;
    case 'warned':
      return `warning: ${event.message}`;
    case 'mounted':
      return `mounted on ${event.target}${event.readOnly ? ', read-only' : ''}`;
    case 'unmounted':
      return `unmounted from ${event.target}`;
    case 'ejected':
      return 'ejected';
    case 'gone':
      return 'gone';
  }
}
