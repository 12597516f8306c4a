/** The filesystem thread, with the filesystem of constants. */
import { serveFilesystem } from '../../server/session/filesystem-thread.js';
import { openFilesystem } from './filesystem.js';

serveFilesystem({ openFilesystem });
