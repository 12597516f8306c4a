/*
 * System calls that the server's threads need and Node does not offer, or offers only with an
 * exception for every errno: reading and writing without leaving the thread, interrupting a thread
 * that blocks in a read, and giving up what a server does not need. No filesystem or protocol logic.
 */
#include <fcntl.h>
#include <linux/fs.h>
#include <poll.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "../../native/shim.h"
#include "crc32c.h"
#include "landlock.h"
#include "seccomp.h"

/* pageOffset(bytes): distance of the first byte from the page boundary before it */
static napi_value shim_page_offset(napi_env env, napi_callback_info info)
{
	napi_value argv[1];
	uint8_t *data;
	size_t length;

	if (!shim_arguments(env, info, 1, argv) || !shim_bytes(env, argv[0], &data, &length))
		return NULL;
	return shim_result(env, (uintptr_t)data % (uintptr_t)sysconf(_SC_PAGESIZE));
}

/* The (descriptor, bytes, offset, length) of a transfer, checked to lie inside the array. */
static bool transfer_arguments(napi_env env, napi_callback_info info, int32_t *descriptor, uint8_t **data, size_t *length)
{
	napi_value argv[4];
	int64_t offset, wanted;
	size_t available;

	if (!shim_arguments(env, info, 4, argv) || !shim_int32(env, argv[0], descriptor) ||
	    !shim_bytes(env, argv[1], data, &available) || !shim_int64(env, argv[2], &offset) ||
	    !shim_int64(env, argv[3], &wanted))
		return false;
	if (offset < 0 || wanted < 0 || (uint64_t)offset > available || (uint64_t)wanted > available - (uint64_t)offset) {
		napi_throw_range_error(env, NULL, "outside the array");
		return false;
	}
	*data += offset;
	*length = (size_t)wanted;
	return true;
}

static int64_t monotonic_nanoseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/*
 * readWithin(descriptor, bytes, offset, length, nanoseconds): bytes read, or -errno. The descriptor
 * does not block; where nothing is there, it is asked again for that long before EAGAIN is the answer.
 */
static napi_value shim_read_within(napi_env env, napi_callback_info info)
{
	napi_value argv[5];
	int32_t descriptor;
	int64_t nanoseconds, end;
	uint8_t *data;
	size_t length;
	ssize_t result;

	if (!shim_arguments(env, info, 5, argv) || !transfer_arguments(env, info, &descriptor, &data, &length) ||
	    !shim_int64(env, argv[4], &nanoseconds))
		return NULL;
	result = read(descriptor, data, length);
	if (result < 0 && errno == EAGAIN && nanoseconds > 0) {
		end = monotonic_nanoseconds() + nanoseconds;
		do
			result = read(descriptor, data, length);
		while (result < 0 && errno == EAGAIN && monotonic_nanoseconds() < end);
	}
	return shim_result(env, result);
}

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

/* dontBlock(descriptor): 0, or -errno */
static napi_value shim_dont_block(napi_env env, napi_callback_info info)
{
	int32_t descriptor;
	int flags;

	if (!shim_int32s(env, info, &descriptor))
		return NULL;
	flags = fcntl(descriptor, F_GETFL);
	return shim_result(env, flags < 0 ? flags : fcntl(descriptor, F_SETFL, flags | O_NONBLOCK));
}

/* dropCached(descriptor, position, length): 0, or -errno */
static napi_value shim_drop_cached(napi_env env, napi_callback_info info)
{
	napi_value argv[3];
	int32_t descriptor;
	int64_t position, length;

	if (!shim_arguments(env, info, 3, argv) || !shim_int32(env, argv[0], &descriptor) ||
	    !shim_int64(env, argv[1], &position) || !shim_int64(env, argv[2], &length))
		return NULL;
	errno = posix_fadvise(descriptor, (off_t)position, (off_t)length, POSIX_FADV_DONTNEED);
	return shim_result(env, errno == 0 ? 0 : -1);
}

/* writeFrom(descriptor, bytes, offset, length): bytes written, or -errno */
static napi_value shim_write_from(napi_env env, napi_callback_info info)
{
	int32_t descriptor;
	uint8_t *data;
	size_t length;

	if (!transfer_arguments(env, info, &descriptor, &data, &length))
		return NULL;
	return shim_result(env, write(descriptor, data, length));
}

#define INTERRUPT_SIGNAL (SIGRTMIN + 1)

static void interrupted(int signal)
{
	(void)signal;
}

/*
 * interruptible(): the calling thread's id, for interrupt(). From now on that ends its awaitReadable()
 * with EINTR. The signal stays blocked everywhere else, so that none is lost between two calls.
 */
static napi_value shim_interruptible(napi_env env, napi_callback_info info)
{
	struct sigaction action = { .sa_handler = interrupted };
	sigset_t set;

	(void)info;
	sigemptyset(&action.sa_mask);
	if (sigaction(INTERRUPT_SIGNAL, &action, NULL) < 0)
		return shim_result(env, -1);
	sigemptyset(&set);
	sigaddset(&set, INTERRUPT_SIGNAL);
	errno = pthread_sigmask(SIG_BLOCK, &set, NULL);
	return shim_result(env, errno ? -1 : syscall(SYS_gettid));
}

/*
 * awaitReadable(descriptor, milliseconds): positive where a read would not block, 0 after that time, or
 * -errno; -1 waits for ever. Only waiting here hears interrupt(): one that came before ends it at once.
 */
static napi_value shim_await_readable(napi_env env, napi_callback_info info)
{
	int32_t descriptor, milliseconds;
	struct pollfd ready;
	struct timespec limit;
	sigset_t set;

	if (!shim_int32s(env, info, &descriptor, &milliseconds))
		return NULL;
	ready = (struct pollfd){ .fd = descriptor, .events = POLLIN };
	limit = (struct timespec){ .tv_sec = milliseconds / 1000, .tv_nsec = milliseconds % 1000 * 1000000L };
	pthread_sigmask(SIG_BLOCK, NULL, &set);
	sigdelset(&set, INTERRUPT_SIGNAL);
	return shim_result(env, ppoll(&ready, 1, milliseconds < 0 ? NULL : &limit, milliseconds == 0 ? NULL : &set));
}

/* interrupt(thread): 0, or -errno (ESRCH: it has ended) */
static napi_value shim_interrupt(napi_env env, napi_callback_info info)
{
	int32_t thread;

	if (!shim_int32s(env, info, &thread))
		return NULL;
	return shim_result(env, syscall(SYS_tgkill, getpid(), thread, INTERRUPT_SIGNAL));
}

/* The (descriptor, offset, length) of a range, in bytes. */
static bool range_arguments(napi_env env, napi_callback_info info, int32_t *descriptor, uint64_t range[2])
{
	napi_value argv[3];
	int64_t offset, length;

	if (!shim_arguments(env, info, 3, argv) || !shim_int32(env, argv[0], descriptor) || !shim_int64(env, argv[1], &offset) ||
	    !shim_int64(env, argv[2], &length))
		return false;
	range[0] = (uint64_t)offset;
	range[1] = (uint64_t)length;
	return true;
}

/* punchHole(descriptor, offset, length): 0, or -errno; the file keeps its size and loses the blocks */
static napi_value shim_punch_hole(napi_env env, napi_callback_info info)
{
	int32_t descriptor;
	uint64_t range[2];

	if (!range_arguments(env, info, &descriptor, range))
		return NULL;
	return shim_result(env, fallocate(descriptor, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)range[0], (off_t)range[1]));
}

/* discardBlocks(descriptor, offset, length): 0, or -errno; of a block device */
static napi_value shim_discard_blocks(napi_env env, napi_callback_info info)
{
	int32_t descriptor;
	uint64_t range[2];

	if (!range_arguments(env, info, &descriptor, range))
		return NULL;
	return shim_result(env, ioctl(descriptor, BLKDISCARD, range));
}

/* blockDevice(descriptor, facts: Float64Array(3)): bytes, logical sector size, whether it is write-protected */
static napi_value shim_block_device(napi_env env, napi_callback_info info)
{
	napi_value argv[2];
	napi_typedarray_type type;
	size_t length;
	void *data;
	int32_t descriptor;
	uint64_t bytes;
	int sector = 0, read_only = 0;

	if (!shim_arguments(env, info, 2, argv) || !shim_int32(env, argv[0], &descriptor))
		return NULL;
	if (napi_get_typedarray_info(env, argv[1], &type, &length, &data, NULL, NULL) != napi_ok ||
	    type != napi_float64_array || length < 3) {
		napi_throw_type_error(env, NULL, "expected a Float64Array of 3");
		return NULL;
	}
	if (ioctl(descriptor, BLKGETSIZE64, &bytes) < 0 || ioctl(descriptor, BLKSSZGET, &sector) < 0 ||
	    ioctl(descriptor, BLKROGET, &read_only) < 0)
		return shim_result(env, -1);
	((double *)data)[0] = (double)bytes;
	((double *)data)[1] = sector;
	((double *)data)[2] = read_only;
	return shim_result(env, 0);
}

/* lock(descriptor, exclusive): 0, or -errno (EAGAIN: someone else has it); of the open file, until its last descriptor is closed */
static napi_value shim_lock(napi_env env, napi_callback_info info)
{
	int32_t descriptor, exclusive;

	if (!shim_int32s(env, info, &descriptor, &exclusive))
		return NULL;
	return shim_result(env, flock(descriptor, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB));
}

/* zeroBlocks(descriptor, offset, length): 0, or -errno; of a block device */
static napi_value shim_zero_blocks(napi_env env, napi_callback_info info)
{
	int32_t descriptor;
	uint64_t range[2];

	if (!range_arguments(env, info, &descriptor, range))
		return NULL;
	return shim_result(env, ioctl(descriptor, BLKZEROOUT, range));
}

/* ioctl(descriptor, command, argument: Uint8Array of the command's own size): its result, or -errno */
static napi_value shim_ioctl(napi_env env, napi_callback_info info)
{
	napi_value argv[3];
	int32_t descriptor;
	int64_t command;
	uint8_t *argument;
	size_t length;

	if (!shim_arguments(env, info, 3, argv) || !shim_int32(env, argv[0], &descriptor) || !shim_int64(env, argv[1], &command) ||
	    !shim_bytes(env, argv[2], &argument, &length))
		return NULL;
	if (length < _IOC_SIZE((unsigned int)command)) {
		napi_throw_range_error(env, NULL, "the argument is too short");
		return NULL;
	}
	return shim_result(env, ioctl(descriptor, (unsigned long)command, argument));
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

NAPI_MODULE_INIT()
{
	shim_export(env, exports, "pageOffset", shim_page_offset);
	shim_export(env, exports, "coarseTime", shim_coarse_time);
	shim_export(env, exports, "keepOutOfDumps", shim_keep_out_of_dumps);
	shim_export(env, exports, "dontBlock", shim_dont_block);
	shim_export(env, exports, "readWithin", shim_read_within);
	shim_export(env, exports, "writeFrom", shim_write_from);
	shim_export(env, exports, "dropCached", shim_drop_cached);
	shim_export(env, exports, "awaitReadable", shim_await_readable);
	shim_export(env, exports, "interruptible", shim_interruptible);
	shim_export(env, exports, "interrupt", shim_interrupt);
	shim_export(env, exports, "punchHole", shim_punch_hole);
	shim_export(env, exports, "discardBlocks", shim_discard_blocks);
	shim_export(env, exports, "zeroBlocks", shim_zero_blocks);
	shim_export(env, exports, "ioctl", shim_ioctl);
	shim_export(env, exports, "prctl", shim_prctl);
	shim_export(env, exports, "limit", shim_limit);
	shim_export(env, exports, "blockDevice", shim_block_device);
	shim_export(env, exports, "lock", shim_lock);
	shim_export(env, exports, "landlock", shim_landlock);
	shim_export(env, exports, "seccomp", shim_seccomp);
	if (crc32c_in_hardware())
		shim_export(env, exports, "crc32c", shim_crc32c);
	return exports;
}
