/** What acknowledging-writer writes, and whether it is still there. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const byteOf = (file: number, offset: number): number => 1 + ((file * 41 + offset * 7 + (offset >> 8) * 13) % 255);

export const recordBytes = (file: number, offset: number, length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, index) => byteOf(file, offset + index));

/** A version says how long it is, and what is in it. */
export const documentContents = (version: number, length: number): Buffer =>
  Buffer.from(`${version} ${length}\n`.concat(`${version},`.repeat(length)).slice(0, length + 16));

interface Acknowledged {
  readonly sizes: ReadonlyMap<number, number>;
  readonly version: number;
  readonly made: readonly string[];
  readonly removed: readonly string[];
}

function parse(log: string): Acknowledged {
  const sizes = new Map<number, number>();
  const [made, removed]: [string[], string[]] = [[], []];
  let version = 0;
  for (const line of log.split('\n')) {
    const [kind, what = '', size] = line.split(' ');
    if (kind === 'records') sizes.set(Number(what), Number(size));
    else if (kind === 'document') version = Number(what);
    else if (kind === 'made') made.push(what);
    else if (kind === 'removed') removed.push(what);
  }
  return { sizes, version, made, removed };
}

export interface Survey {
  readonly acknowledgements: number;
  readonly lost: readonly string[];
}

/** Compares a directory with what was acknowledged in it. What came later may be there, as it was written. */
export function survey(directory: string, logPath: string): Survey {
  const log = readFileSync(logPath, 'utf8');
  const { sizes, version, made, removed } = parse(log);
  const lost = [
    ...[...sizes].flatMap(([file, size]) => lostRecords(directory, file, size)),
    ...(version > 0 ? lostDocument(directory, version) : []),
    ...made.filter((name) => !existsSync(join(directory, name))).map((name) => `${name} is not there`),
    ...removed.filter((name) => existsSync(join(directory, name))).map((name) => `${name} is there again`),
  ];
  return { acknowledgements: log.split('\n').length - 1, lost };
}

function lostRecords(directory: string, file: number, size: number): string[] {
  const path = join(directory, `records-${file}`);
  if (!existsSync(path)) return [`records-${file} is not there`];
  const found = readFileSync(path);
  if (found.length < size) return [`records-${file} has ${found.length} bytes, ${size} were acknowledged`];
  const wrong = found.findIndex((byte, offset) => byte !== byteOf(file, offset) && (offset < size || byte !== 0));
  return wrong < 0 ? [] : [`records-${file}: byte ${wrong} of ${found.length} is ${found[wrong] ?? 0}, ${size} were acknowledged`];
}

function lostDocument(directory: string, version: number): string[] {
  const path = join(directory, 'document');
  if (!existsSync(path)) return ['the document is not there'];
  const found = readFileSync(path);
  const [, foundVersion = '', length = ''] = /^(\d+) (\d+)\n/.exec(found.subarray(0, 40).toString('latin1')) ?? [];
  if (Number(foundVersion) < version || foundVersion === '') return [`the document is of version "${foundVersion}", ${version} was acknowledged`];
  return documentContents(Number(foundVersion), Number(length)).equals(found) ? [] : [`the document of version ${foundVersion} is not whole`];
}
