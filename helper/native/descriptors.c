/* What an open file is, what holds it, and who inherits it. */
#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#include "helper.h"

/* The number on every architecture but alpha; older headers lack it. */
#define NR_CLOSE_RANGE 436

static napi_value shim_flock(napi_env env, napi_callback_info info)
{
	int32_t fd, operation;

	if (!shim_int32s(env, info, &fd, &operation))
		return NULL;
	return shim_result(env, flock(fd, operation));
}

static napi_value shim_seals(napi_env env, napi_callback_info info)
{
	int32_t fd;

	if (!shim_int32s(env, info, &fd))
		return NULL;
	return shim_result(env, fcntl(fd, F_GET_SEALS));
}

static napi_value shim_duplicate(napi_env env, napi_callback_info info)
{
	int32_t fd;

	if (!shim_int32s(env, info, &fd))
		return NULL;
	return shim_result(env, fcntl(fd, F_DUPFD_CLOEXEC, 0));
}

/* sealedFile(name, contents): a file in memory that nobody can change any more */
static napi_value shim_sealed_file(napi_env env, napi_callback_info info)
{
	napi_value argv[2];
	char name[64];
	uint8_t *contents;
	size_t length, written = 0;
	int fd;

	if (!shim_arguments(env, info, 2, argv) || !shim_string(env, argv[0], name, sizeof(name)) ||
	    !shim_bytes(env, argv[1], &contents, &length))
		return NULL;
	fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return shim_result(env, -1);
	while (written < length) {
		ssize_t count = write(fd, contents + written, length - written);

		if (count < 0)
			return shim_failed(env, fd);
		written += (size_t)count;
	}
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) == 0)
		return shim_result(env, fd);
	return shim_failed(env, fd);
}

/* Every descriptor from `first` on: close-on-exec, also those that our caller left open in us. */
static napi_value shim_close_on_exec_from(napi_env env, napi_callback_info info)
{
	int32_t first;

	if (!shim_int32s(env, info, &first))
		return NULL;
	return shim_result(env, syscall(NR_CLOSE_RANGE, first, ~0U, 4 /* CLOSE_RANGE_CLOEXEC */));
}

/* setAttribute(fd, name, value) */
static napi_value shim_set_attribute(napi_env env, napi_callback_info info)
{
	napi_value argv[3];
	char name[256];
	uint8_t *value;
	size_t length;
	int32_t fd;

	if (!shim_arguments(env, info, 3, argv) || !shim_int32(env, argv[0], &fd) ||
	    !shim_string(env, argv[1], name, sizeof(name)) || !shim_bytes(env, argv[2], &value, &length))
		return NULL;
	return shim_result(env, fsetxattr(fd, name, value, length, 0));
}

void export_descriptors(napi_env env, napi_value exports)
{
	shim_export(env, exports, "flock", shim_flock);
	shim_export(env, exports, "seals", shim_seals);
	shim_export(env, exports, "duplicate", shim_duplicate);
	shim_export(env, exports, "sealedFile", shim_sealed_file);
	shim_export(env, exports, "setAttribute", shim_set_attribute);
	shim_export(env, exports, "closeOnExecFrom", shim_close_on_exec_from);
}
