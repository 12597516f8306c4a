/* The shims of these files, each of which is one system call, or the few that only make sense together. */
#include "tree.h"

NAPI_MODULE_INIT()
{
	export_contents(env, exports);
	export_identity(env, exports);
	export_names(env, exports);
	export_nodes(env, exports);
	return exports;
}
