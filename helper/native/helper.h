#ifndef FUSE4FS_HELPER_H
#define FUSE4FS_HELPER_H

#include "../../native/shim.h"

enum { PATH_SIZE = 4097 };

/* Each adds the shims of the file that is named so. */
void export_mounts(napi_env env, napi_value exports);
void export_devices(napi_env env, napi_value exports);
void export_descriptors(napi_env env, napi_value exports);
void export_namespaces(napi_env env, napi_value exports);
void export_stream_sockets(napi_env env, napi_value exports);
void export_interruption(napi_env env, napi_value exports);

#endif
