/*
 * System calls on a directory tree beneath a descriptor. No filesystem or protocol logic: each function of these
 * files is one system call, or the few that only make sense together, and returns its result or a negative errno.
 */
#include <stdio.h>

#include "tree.h"

void tree_descriptor_path(char path[DESCRIPTOR_PATH], int descriptor)
{
	snprintf(path, DESCRIPTOR_PATH, "/proc/self/fd/%d", descriptor);
}

NAPI_MODULE_INIT()
{
	export_contents(env, exports);
	export_identity(env, exports);
	export_names(env, exports);
	export_nodes(env, exports);
	return exports;
}
