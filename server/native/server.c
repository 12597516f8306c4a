/*
 * System calls that the server's threads need and Node does not offer. No filesystem or protocol logic:
 * each function of these files is one system call, or the few that only make sense together.
 */
#include "crc32c.h"
#include "landlock.h"
#include "seccomp.h"
#include "server.h"

NAPI_MODULE_INIT()
{
	export_channel(env, exports);
	export_data_reads(env, exports);
	export_data_transfers(env, exports);
	export_data_writes(env, exports);
	export_device(env, exports);
	export_job_thread(env, exports);
	export_process(env, exports);
	shim_export(env, exports, "landlock", shim_landlock);
	shim_export(env, exports, "landlockVersion", shim_landlock_version);
	shim_export(env, exports, "seccomp", shim_seccomp);
	if (crc32c_in_hardware())
		shim_export(env, exports, "crc32c", shim_crc32c);
	return exports;
}
