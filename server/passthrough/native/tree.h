#ifndef FUSE4FS_TREE_H
#define FUSE4FS_TREE_H

#include "../../../native/shim.h"

/* Each adds the shims of the file that is named so. */
void export_contents(napi_env env, napi_value exports);
void export_identity(napi_env env, napi_value exports);
void export_names(napi_env env, napi_value exports);
void export_nodes(napi_env env, napi_value exports);

/* A text with its NUL in an array. */
static inline bool tree_text(napi_env env, napi_value array, napi_value offset, const char **text)
{
	uint8_t *data;
	int64_t from;
	size_t available;

	if (!shim_bytes(env, array, &data, &available) || !shim_int64(env, offset, &from))
		return false;
	if (from >= 0 && (uint64_t)from < available)
		for (size_t at = (size_t)from; at < available; at++)
			if (data[at] == '\0') {
				*text = (const char *)data + from;
				return true;
			}
	napi_throw_range_error(env, NULL, "no text there");
	return false;
}

/* The path of a descriptor, which leads to what it is open on, wherever that is now. */
enum { DESCRIPTOR_PATH = 32 };
void tree_descriptor_path(char path[DESCRIPTOR_PATH], int descriptor);

#endif
