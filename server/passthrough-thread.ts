/** The filesystem thread, with a directory tree in it. */
import { confineToTree } from './confinement/confine.js';
import { DIRECTORY_TREE, TREE_WATCHER } from '../protocol/service/messages.js';
import { openTree } from './passthrough/filesystem.js';
import { serveFilesystem } from './session/filesystem-thread.js';

serveFilesystem({
  features: [DIRECTORY_TREE, TREE_WATCHER],
  confine: ({ descriptor }, confinement) => confineToTree(confinement, descriptor),
  openFilesystem: openTree,
});
