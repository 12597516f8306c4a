/** The filesystem thread, with an attacker's filesystem in it. */
import { serveFilesystem } from '../../../server/session/filesystem-thread.js';
import { openFilesystem } from './filesystem.js';

serveFilesystem({ openFilesystem });
