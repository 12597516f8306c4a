import { serveFilesystem } from '../../server/session/filesystem-thread.js';
import { openFilesystem } from './tiny-filesystem.js';

serveFilesystem({ openFilesystem });
