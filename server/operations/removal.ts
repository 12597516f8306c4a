import * as requests from '../../protocol/fuse/requests.js';
import { inodeNumber } from '../ext4/units.js';
import { NO_REPLY, type Handler, type OperationTable } from '../session/handler.js';
import type { Inode } from '../ext4/inode.js';
import type { Request } from '../session/request.js';
import { firstName, secondName } from './request-names.js';
import { changing, type WritableVolume } from './writable-volume.js';

/** UNLINK, RMDIR, RENAME, and FORGET, with which an inode without a name comes to its end. */
export function removalOperations(volume: WritableVolume): OperationTable {
  const { nodes, writable, lookups, writebackErrors } = volume;
  const { namespace, orphans, reaper } = writable;

  /** An inode that lost its last name goes at once if the kernel does not know it. */
  const release = (inode: Inode | undefined): void => {
    if (inode !== undefined && inode.links === 0 && !lookups.isKnown(inode.number)) reaper.reap(inode.number);
  };

  const rename = (request: Request, flags: number): number => {
    const to = nodes.get(requests.renameNewDirectory(request.view, request.bodyOffset));
    release(namespace.rename(nodes.get(request.nodeid), firstName(request), to, secondName(request), flags, request));
    return 0;
  };

  const forget = (nodeid: number, count: number): void => {
    if (nodeid === nodes.rootNodeid || !lookups.forget(nodeid, count)) return;
    writebackErrors.forget(nodeid);
    const number = inodeNumber(nodeid);
    if (!orphans.has(number)) return;
    writable.change(() => {
      reaper.settle(number);
    });
  };

  const batchForget: Handler = ({ view, bodyOffset, bodyLength }) => {
    requests.eachForgotten(view, bodyOffset, bodyLength, forget);
    return NO_REPLY;
  };

  return {
    UNLINK: changing(volume, (request) => {
      release(namespace.unlink(nodes.get(request.nodeid), firstName(request)));
      return 0;
    }),
    RMDIR: changing(volume, (request) => {
      release(namespace.rmdir(nodes.get(request.nodeid), firstName(request)));
      return 0;
    }),
    RENAME: changing(volume, (request) => rename(request, 0)),
    RENAME2: changing(volume, (request) => rename(request, requests.rename2Flags(request.view, request.bodyOffset))),
    FORGET: ({ nodeid, view, bodyOffset }) => {
      forget(nodeid, requests.forgetLookups(view, bodyOffset));
      return NO_REPLY;
    },
    BATCH_FORGET: batchForget,
  };
}
