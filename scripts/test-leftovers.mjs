// What a test has left behind, told by its scratch directory: mounts, processes, loop devices. Found, ended, and named.
import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';

/** Servers write their last blocks after the unmount, and loop devices go with their last user. */
const PATIENCE_MILLISECONDS = 10_000;
const LOOK_MILLISECONDS = 50;

const textOf = (path) => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
};

const mountsBelow = (directory) =>
  textOf('/proc/self/mountinfo')
    .split('\n')
    .map((line) => line.split(' ')[4])
    .filter((target) => target?.startsWith(`${directory}/`))
    .reverse();

/** Those that were started with the directory as theirs, or are named after something in it, as servers are. */
const processesOf = (directory) =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .map((pid) => ({ pid: Number(pid), command: textOf(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim(), environment: textOf(`/proc/${pid}/environ`) }))
    .filter(({ command, environment }) => command.includes(`${directory}/`) || environment.split('\0').includes(`TMPDIR=${directory}`));

const loopDevicesOn = (directory) => {
  const { status, stdout } = spawnSync('losetup', ['--list', '--raw', '--noheadings', '--output', 'NAME,BACK-FILE'], { encoding: 'utf8' });
  if (status !== 0) return [];
  return stdout.split('\n').map((line) => line.split(' ')).filter(([, file]) => file?.startsWith(`${directory}/`)).map(([name]) => name);
};

const end = (pid) => {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
};

/** What stays mounted would take the images with it when the directory goes. @returns where */
export function unmountLeftovers(directory) {
  const targets = mountsBelow(directory);
  for (const target of targets) spawnSync('umount', ['-l', target]);
  return targets;
}

/** To be called after unmountLeftovers. @returns a line for each process and loop device that did not go by itself */
export async function endLeftovers(directory) {
  const isGone = () => processesOf(directory).length === 0 && loopDevicesOn(directory).length === 0;
  for (const deadline = performance.now() + PATIENCE_MILLISECONDS; !isGone() && performance.now() < deadline; ) await pause(LOOK_MILLISECONDS);
  const processes = processesOf(directory);
  for (const { pid } of processes) end(pid);
  const devices = loopDevicesOn(directory);
  for (const device of devices) spawnSync('losetup', ['--detach', device]);
  return [...processes.map(({ pid, command }) => `left process ${pid} behind: ${command.slice(0, 200)}`), ...devices.map((device) => `left ${device} behind`)];
}
