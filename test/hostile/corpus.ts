/** The damaged images beside the project, and what its README says the kernel made of them. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { projectRoot } from '../support/native.js';

export interface CorpusImage {
  readonly name: string;
  /** What the kernel's driver did: mounted it and read all, read with errors, or refused it. */
  readonly kernel: 'ok' | 'error' | 'refused';
  contents(): Uint8Array;
}

export const corpusDirectory = process.env['FUSE4FS_CORPUS'] ?? join(projectRoot, '..', 'shared', 'corpus');
const images = join(corpusDirectory, 'e2fsprogs');

export const corpusIsMissing = (): string | false => !existsSync(images) && `the damaged images are not here: ${corpusDirectory} (FUSE4FS_CORPUS names the folder)`;

export function corpusImages(): readonly CorpusImage[] {
  const rows = readFileSync(join(corpusDirectory, 'README.md'), 'utf8').matchAll(/^\| (\S+\.gz) \| (ok|error|refused) \|/gm);
  const verdicts = new Map([...rows].map(([, name = '', verdict]) => [name, verdict as CorpusImage['kernel']]));
  return readdirSync(images)
    .filter((name) => name.endsWith('.gz'))
    .sort()
    .map((name) => ({
      name: name.replace(/\.image\.gz$/, ''),
      kernel: verdicts.get(name) ?? 'refused',
      contents: () => new Uint8Array(gunzipSync(readFileSync(join(images, name)))),
    }));
}
