/** The filesystem thread, with ext4 in it. */
import { DIRECT_DEVICE } from '../protocol/service/messages.js';
import { openFilesystem } from './operations/filesystem.js';
import { serveFilesystem } from './session/filesystem-thread.js';

serveFilesystem({ features: [DIRECT_DEVICE], openFilesystem });
