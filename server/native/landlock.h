#ifndef FUSE4FS_LANDLOCK_H
#define FUSE4FS_LANDLOCK_H

#include "../../native/shim.h"

/* Numbers of system calls, on every architecture; older headers lack them. */
enum { LANDLOCK_CREATE_RULESET = 444, LANDLOCK_ADD_RULE = 445, LANDLOCK_RESTRICT_SELF = 446 };

/*
 * landlock(directory, directory, tree): the calling thread, and all that it starts, may read below these,
 * work on files below the directory that `tree` is open on, and touch no other file, no TCP port, and no
 * abstract socket or process outside; an empty name is none. With a tree, or -2 for none, it is about this
 * thread alone; -1 is no tree, and all threads. The version of Landlock, or -errno.
 */
napi_value shim_landlock(napi_env env, napi_callback_info info);

/* landlockVersion(): what the kernel has, or -errno */
napi_value shim_landlock_version(napi_env env, napi_callback_info info);

#endif
