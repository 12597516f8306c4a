/*
 * What the threads that read data and those that write it have in common: memory, messages, and the place where it
 * stands what has failed.
 */
#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "data-transfers.h"
#include "server.h"

struct failure {
	double tag, position, length, error, writing;
};

/* Of this process: what has failed since somebody asked, and who is woken for it. */
static struct {
	pthread_mutex_t lock;
	pid_t owner;
	double failures;
	/* The first of them. */
	struct failure failure;
} transfers = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
};

uint8_t *memory_for_data(size_t length)
{
	uint8_t *memory = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return NULL;
	madvise(memory, length, MADV_DONTDUMP);
	return memory;
}

void send_message(int32_t channel, const uint8_t *message, size_t length)
{
	ssize_t sent = write(channel, message, length);

	(void)sent;
}

void wake_on_failures(void)
{
	transfers.owner = (pid_t)syscall(SYS_gettid);
}

void note_failed_transfer(bool writing, double tag, double position, double length, int error)
{
	pthread_mutex_lock(&transfers.lock);
	if (transfers.failures++ == 0)
		transfers.failure = (struct failure){ tag, position, length, error, writing };
	pthread_mutex_unlock(&transfers.lock);
	syscall(SYS_tgkill, getpid(), transfers.owner, INTERRUPT_SIGNAL);
}

/* takeFailure(facts): how many jobs have failed since it was last asked; of the first one its tag, the range, errno, and 1 for a write */
static napi_value shim_take_failure(napi_env env, napi_callback_info info)
{
	napi_value argv[1];
	uint8_t *bytes;
	size_t length;
	double failures;

	if (!shim_arguments(env, info, 1, argv) || !shim_bytes(env, argv[0], &bytes, &length))
		return NULL;
	if (length < sizeof(struct failure)) {
		napi_throw_range_error(env, NULL, "room for five doubles is needed");
		return NULL;
	}
	pthread_mutex_lock(&transfers.lock);
	failures = transfers.failures;
	transfers.failures = 0;
	if (failures > 0)
		memcpy(bytes, &transfers.failure, sizeof(struct failure));
	pthread_mutex_unlock(&transfers.lock);
	return shim_result(env, (int64_t)failures);
}

void export_data_transfers(napi_env env, napi_value exports)
{
	shim_export(env, exports, "takeFailure", shim_take_failure);
}
