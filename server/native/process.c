/* What the process itself is, keeps and gives up; and the clock. */
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "server.h"

/* coarseTime(bytes): the time that the kernel stamps inodes with, into two doubles: seconds since 1970, and nanoseconds. 0, or -errno */
static napi_value shim_coarse_time(napi_env env, napi_callback_info info)
{
	napi_value argv[1];
	uint8_t *data;
	size_t length;
	struct timespec now;
	double parts[2];

	if (!shim_arguments(env, info, 1, argv) || !shim_bytes(env, argv[0], &data, &length))
		return NULL;
	if (length < sizeof(parts)) {
		napi_throw_range_error(env, NULL, "room for two doubles is needed");
		return NULL;
	}
	if (clock_gettime(CLOCK_REALTIME_COARSE, &now) < 0)
		return shim_result(env, -1);
	parts[0] = now.tv_sec;
	parts[1] = now.tv_nsec;
	memcpy(data, parts, sizeof(parts));
	return shim_result(env, 0);
}

/* keepOutOfDumps(bytes): 0, or -errno; the pages of the array, and what else lies in the first and last, are left out of core dumps */
static napi_value shim_keep_out_of_dumps(napi_env env, napi_callback_info info)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), start, end;
	napi_value argv[1];
	uint8_t *data;
	size_t length;

	if (!shim_arguments(env, info, 1, argv) || !shim_bytes(env, argv[0], &data, &length))
		return NULL;
	start = (uintptr_t)data & ~(page - 1);
	end = ((uintptr_t)data + length + page - 1) & ~(page - 1);
	return shim_result(env, madvise((void *)start, end - start, MADV_DONTDUMP));
}

/*
 * hasRing(): 1 where one of the first descriptors is a ring of io_uring. Of no other kind of file can a probe be asked for;
 * without room for an answer it is refused in another way.
 */
static napi_value shim_has_ring(napi_env env, napi_callback_info info)
{
	enum { LOOKED_AT = 256, REGISTER = 427 /* io_uring_register, everywhere */, PROBE = 8 };
	bool found = false;

	(void)info;
	for (int fd = 0; fd < LOOKED_AT && !found; fd++) {
		long result = syscall(REGISTER, fd, PROBE, NULL, 0);

		found = result >= 0 || errno == EINVAL || errno == EFAULT;
	}
	return shim_result(env, found);
}

/* prctl(option, argument): its result, or -errno */
static napi_value shim_prctl(napi_env env, napi_callback_info info)
{
	napi_value argv[2];
	int32_t option;
	int64_t argument;

	if (!shim_arguments(env, info, 2, argv) || !shim_int32(env, argv[0], &option) || !shim_int64(env, argv[1], &argument))
		return NULL;
	return shim_result(env, prctl(option, (unsigned long)argument, 0UL, 0UL, 0UL));
}

/* limit(resource, maximum): lowers soft and hard limit alike; 0, or -errno */
static napi_value shim_limit(napi_env env, napi_callback_info info)
{
	napi_value argv[2];
	int32_t resource;
	int64_t maximum;
	struct rlimit limit;

	if (!shim_arguments(env, info, 2, argv) || !shim_int32(env, argv[0], &resource) || !shim_int64(env, argv[1], &maximum))
		return NULL;
	if (getrlimit((__rlimit_resource_t)resource, &limit) < 0)
		return shim_result(env, -1);
	if (limit.rlim_max == RLIM_INFINITY || limit.rlim_max > (rlim_t)maximum)
		limit.rlim_max = (rlim_t)maximum;
	limit.rlim_cur = limit.rlim_max;
	return shim_result(env, setrlimit((__rlimit_resource_t)resource, &limit));
}

void export_process(napi_env env, napi_value exports)
{
	shim_export(env, exports, "coarseTime", shim_coarse_time);
	shim_export(env, exports, "keepOutOfDumps", shim_keep_out_of_dumps);
	shim_export(env, exports, "hasRing", shim_has_ring);
	shim_export(env, exports, "prctl", shim_prctl);
	shim_export(env, exports, "limit", shim_limit);
}
