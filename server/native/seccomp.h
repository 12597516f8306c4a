#ifndef FUSE4FS_SECCOMP_H
#define FUSE4FS_SECCOMP_H

#include "../../native/shim.h"

/* seccomp(serving, tree, logOnly): binds every thread of this process to what a server needs from its start, or once it serves; 0, or -errno */
napi_value shim_seccomp(napi_env env, napi_callback_info info);

#endif
