#ifndef FUSE4FS_TREE_H
#define FUSE4FS_TREE_H

#include "../../../native/shim.h"

/* Each adds the shims of the file that is named so. */
void export_contents(napi_env env, napi_value exports);
void export_identity(napi_env env, napi_value exports);
void export_names(napi_env env, napi_value exports);
void export_nodes(napi_env env, napi_value exports);

/* A range of an array: `wanted` bytes from `offset` on, checked to lie inside. */
static inline bool tree_range(napi_env env, napi_value array, napi_value offset, napi_value wanted, uint8_t **data, size_t *length)
{
	int64_t from, count;
	size_t available;

	if (!shim_bytes(env, array, data, &available) || !shim_int64(env, offset, &from) || !shim_int64(env, wanted, &count))
		return false;
	if (from < 0 || count < 0 || (uint64_t)from > available || (uint64_t)count > available - (uint64_t)from) {
		napi_throw_range_error(env, NULL, "outside the array");
		return false;
	}
	*data += from;
	*length = (size_t)count;
	return true;
}

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
