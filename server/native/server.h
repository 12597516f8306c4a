#ifndef FUSE4FS_SERVER_H
#define FUSE4FS_SERVER_H

#include <signal.h>

#include "../../native/shim.h"

/* Of this process: it ends the wait of the thread that it is sent to. */
#define INTERRUPT_SIGNAL (SIGRTMIN + 1)

/* Each adds the shims of the file that is named so. */
void export_channel(napi_env env, napi_value exports);
void export_data_reads(napi_env env, napi_value exports);
void export_data_transfers(napi_env env, napi_value exports);
void export_data_writes(napi_env env, napi_value exports);
void export_device(napi_env env, napi_value exports);
void export_job_thread(napi_env env, napi_value exports);
void export_process(napi_env env, napi_value exports);

/* Whether somebody in this process waits so that INTERRUPT_SIGNAL ends it (channel.c). */
bool is_interruptible(void);

#endif
