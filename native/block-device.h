#ifndef FUSE4FS_BLOCK_DEVICE_H
#define FUSE4FS_BLOCK_DEVICE_H

#include "shim.h"

/* blockDevice(fd, facts: Float64Array(3)): bytes, logical sector size, whether it is write-protected */
napi_value shim_block_device(napi_env env, napi_callback_info info);

#endif
