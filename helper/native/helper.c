/*
 * System calls that mounting needs and Node does not offer. Each function of these files is one system
 * call, or the few that only make sense together.
 */
#include "helper.h"

NAPI_MODULE_INIT()
{
	export_mounts(env, exports);
	export_devices(env, exports);
	export_descriptors(env, exports);
	export_namespaces(env, exports);
	export_stream_sockets(env, exports);
	export_interruption(env, exports);
	return exports;
}
