/*
 * Taking requests and answering them without leaving the thread, where Node throws for every errno,
 * and interrupting a thread that waits for one.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "server.h"
#include "thread.h"

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

/* The (descriptor, bytes, offset, length) of a transfer, checked to lie inside the array. */
static bool transfer_arguments(napi_env env, napi_callback_info info, int32_t *descriptor, uint8_t **data, size_t *length)
{
	napi_value argv[4];

	return shim_arguments(env, info, 4, argv) && shim_int32(env, argv[0], descriptor) &&
	       shim_range(env, argv[1], argv[2], argv[3], data, length);
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

static void interrupted(int signal)
{
	(void)signal;
}

bool is_interruptible(void)
{
	struct sigaction action;

	return sigaction(INTERRUPT_SIGNAL, NULL, &action) == 0 && action.sa_handler == interrupted;
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

void export_channel(napi_env env, napi_value exports)
{
	shim_export(env, exports, "pageOffset", shim_page_offset);
	shim_export(env, exports, "dontBlock", shim_dont_block);
	shim_export(env, exports, "readWithin", shim_read_within);
	shim_export(env, exports, "writeFrom", shim_write_from);
	shim_export(env, exports, "interruptible", shim_interruptible);
	shim_export(env, exports, "awaitReadable", shim_await_readable);
	shim_export(env, exports, "interrupt", shim_interrupt);
}
