#ifndef FUSE4FS_CRC32C_H
#define FUSE4FS_CRC32C_H

#include "../../native/shim.h"

/* Whether this processor computes CRC-32C itself. Where it does not, shim_crc32c must not be offered. */
bool crc32c_in_hardware(void);

/* crc32c(seed, bytes, start, end): continues the seed over bytes[start, end), without the usual inversions */
napi_value shim_crc32c(napi_env env, napi_callback_info info);

#endif
