/** What udev knows of a device. Its values come from the medium, as far as the medium has them: text of anybody's. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { MountError } from '../mount/errors.js';

export type Properties = ReadonlyMap<string, string>;

const LARGEST_ANSWER = 2 ** 20;
const PATIENCE = 10_000;

/** @param directory has what udevadm would print, in a file for each device; undefined: udevadm is asked */
export function propertiesOf(name: string, directory: string | undefined): Properties {
  return parse(directory === undefined ? askUdev(join('/dev', name)) : readFileSync(join(directory, name), 'utf8'));
}

function askUdev(node: string): string {
  const { status, stdout, stderr, error } = spawnSync('udevadm', ['info', '--query=property', `--name=${node}`], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: LARGEST_ANSWER,
    timeout: PATIENCE,
  });
  if (error !== undefined) throw new MountError('SYSTEM', `cannot ask udev about ${node}: ${error.message}`);
  if (status !== 0) throw new MountError('SOURCE_NOT_FOUND', `udev knows no ${node}: ${stderr.trim()}`);
  return stdout;
}

function parse(text: string): Properties {
  const lines = text.split('\n').map((line) => /^([A-Za-z0-9_.]+)=(.*)$/u.exec(line));
  return new Map(lines.flatMap((found) => (found === null ? [] : [[found[1] ?? '', found[2] ?? '']])));
}

/** A value of the kind that udev writes with \xNN for whatever is not plain; bytes that are no UTF-8 become U+FFFD. */
export function decoded(value: string): string {
  const bytes: number[] = [];
  for (const [part, hexadecimal] of value.matchAll(/\\x([0-9a-f]{2})|[^\\]+|\\/giu)) {
    if (hexadecimal === undefined) bytes.push(...Buffer.from(part));
    else bytes.push(parseInt(hexadecimal, 16));
  }
  return Buffer.from(bytes).toString('utf8');
}
