#ifndef FUSE4FS_LANDLOCK_H
#define FUSE4FS_LANDLOCK_H

#include "../../native/shim.h"

/*
 * landlock(directory, directory): the calling thread, and all that it starts, may read below these and
 * touch no other file, no TCP port, and no abstract socket or process outside; an empty name is none.
 * The version of Landlock, or -errno.
 */
napi_value shim_landlock(napi_env env, napi_callback_info info);

#endif
