/*
 * What every syscall shim needs from Node-API: argument readers that throw a TypeError and
 * return false, and one way to report errno. A shim function is:
 *
 *   static napi_value shim_name(napi_env env, napi_callback_info info)
 *
 * and returns the system call's result as a number, or a negative errno. Shims never throw for a
 * failed system call: the TypeScript beside them turns the errno into a typed error.
 */
#ifndef FUSE4FS_NAPI_H
#define FUSE4FS_NAPI_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>
#include <node_api.h>

static inline bool shim_arguments(napi_env env, napi_callback_info info, size_t wanted, napi_value *argv)
{
	size_t argc = wanted;

	if (napi_get_cb_info(env, info, &argc, argv, NULL, NULL) != napi_ok || argc < wanted) {
		napi_throw_type_error(env, NULL, "wrong number of arguments");
		return false;
	}
	return true;
}

static inline bool shim_int32(napi_env env, napi_value value, int32_t *out)
{
	if (napi_get_value_int32(env, value, out) == napi_ok)
		return true;
	napi_throw_type_error(env, NULL, "expected a number");
	return false;
}

static inline bool shim_int64(napi_env env, napi_value value, int64_t *out)
{
	if (napi_get_value_int64(env, value, out) == napi_ok)
		return true;
	napi_throw_type_error(env, NULL, "expected a number");
	return false;
}

/* Reads all arguments, which are numbers: shim_int32s(env, info, &fd, &flags) */
#define shim_int32s(env, info, ...)                                                                                    \
	shim_int32s_into(env, info, (int32_t *const[]){ __VA_ARGS__ },                                                 \
			 sizeof((int32_t *const[]){ __VA_ARGS__ }) / sizeof(int32_t *))

static inline bool shim_int32s_into(napi_env env, napi_callback_info info, int32_t *const *out, size_t count)
{
	napi_value argv[count];

	if (!shim_arguments(env, info, count, argv))
		return false;
	for (size_t i = 0; i < count; i++)
		if (!shim_int32(env, argv[i], out[i]))
			return false;
	return true;
}

/* Any typed array or Buffer; *length in bytes. The memory belongs to JavaScript. */
static inline bool shim_bytes(napi_env env, napi_value value, uint8_t **data, size_t *length)
{
	napi_typedarray_type type;
	void *pointer = NULL;

	if (napi_get_typedarray_info(env, value, &type, length, &pointer, NULL, NULL) != napi_ok || type != napi_uint8_array) {
		napi_throw_type_error(env, NULL, "expected a Uint8Array");
		return false;
	}
	*data = pointer;
	return true;
}

/* A range of an array: `wanted` bytes from `offset` on, checked to lie inside. */
static inline bool shim_range(napi_env env, napi_value array, napi_value offset, napi_value wanted, uint8_t **data, size_t *length)
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

/* Copies a string into buffer (NUL-terminated); a longer one is a RangeError. */
static inline bool shim_string(napi_env env, napi_value value, char *buffer, size_t size)
{
	size_t length = 0;

	if (napi_get_value_string_utf8(env, value, NULL, 0, &length) != napi_ok) {
		napi_throw_type_error(env, NULL, "expected a string");
		return false;
	}
	if (length >= size) {
		napi_throw_range_error(env, NULL, "string too long");
		return false;
	}
	return napi_get_value_string_utf8(env, value, buffer, size, &length) == napi_ok;
}

/* The result of a system call: its value, or -errno. */
static inline napi_value shim_result(napi_env env, int64_t value)
{
	napi_value result = NULL;

	napi_create_int64(env, value < 0 ? -(int64_t)errno : value, &result);
	return result;
}

/* The result of a system call that failed on a descriptor which is of no use then: it is closed. */
static inline napi_value shim_failed(napi_env env, int fd)
{
	int saved = errno;

	close(fd);
	errno = saved;
	return shim_result(env, -1);
}

static inline void shim_export(napi_env env, napi_value exports, const char *name, napi_callback function)
{
	napi_value value;

	if (napi_create_function(env, name, NAPI_AUTO_LENGTH, function, NULL, &value) == napi_ok)
		napi_set_named_property(env, exports, name, value);
}

#endif
