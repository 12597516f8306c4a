/** The filesystem thread, with ext4 in it. */
import { openFilesystem } from './operations/filesystem.js';
import { serveFilesystem } from './session/filesystem-thread.js';

serveFilesystem({ openFilesystem });
