// Writes man/fuse4fs.5 from the table of mount options; a test sees to it that this was done.
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const { optionPage } = await import(join(root, 'dist/cli/option-page.js'));
writeFileSync(join(root, 'man/fuse4fs.5'), optionPage('November 21, 2026'));
