import { fileURLToPath } from 'node:url';

const here = fileURLToPath(import.meta.url);

/** The checkout, or the installed package: what has `dist/` in it, wherever in there this code was bundled to. */
export const packageRoot = here.slice(0, here.lastIndexOf('/dist/'));
