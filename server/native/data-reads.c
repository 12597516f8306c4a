/*
 * Threads that send what they read from the device, so that nobody else waits for it. A job is a message
 * whose first bytes are given and whose others are ranges of the device; where these cannot be read, another
 * message is sent instead. What the messages mean is not known here.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "data-transfers.h"
#include "data-writes.h"
#include "server.h"
#include "thread.h"

enum {
	MOST_THREADS = 16,
	SLOTS = 128,
	MOST_RANGES = 256,
	HEAD = 16,
	PAGE = 4096,
	/* Where some thread is awake anyhow, so many jobs may wait for it before another one is woken. */
	MOST_FOR_ONE = 4,
	/* A mean over about so many. */
	MEAN_OF = 8,
	/* In nanoseconds, as long as nothing is known. */
	UNKNOWN_WAIT = 1000000,
	STACK = 128 * 1024,
	/* What takes longer does so because it is long. */
	SMALL = 32 * 1024,
	/* So much is not worth a copy in the machine's cache. */
	LARGE = 128 * 1024,
};

/* A position below zero stands for zeros. */
struct range {
	double position, length;
};

/* As it comes from JavaScript. */
struct job {
	/* What is sent before the data, and what is sent if they cannot be read. */
	uint8_t head[HEAD], otherwise[HEAD];
	/* For whoever hears of a failure. */
	double tag;
	double count;
	struct range ranges[MOST_RANGES];
};

struct reader {
	pthread_t thread;
	/* Page-aligned; the data begins at PAGE, so that the head can stand before it. */
	uint8_t *memory;
	struct job job;
	bool busy;
};

/* One mount is served by a process, and has one pool. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t work, ended;
	struct reader threads[MOST_THREADS];
	int started, idle;
	/* Jobs that no thread has taken, in a ring. */
	struct job jobs[SLOTS];
	unsigned int first, waiting;
	bool stopping;
	int32_t device, channel;
	/* The device past the machine's cache, or -1. */
	int32_t direct;
	size_t largest;
	/* What small reads have waited for the device lately, in nanoseconds. */
	_Atomic int64_t wait;
} pool = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.work = PTHREAD_COND_INITIALIZER,
	.ended = PTHREAD_COND_INITIALIZER,
	.wait = UNKNOWN_WAIT,
};

/* Of a job, without the ranges that it does not have. */
static size_t size_of_job(const struct job *job)
{
	return offsetof(struct job, ranges) + (size_t)job->count * sizeof(struct range);
}

/* Where nothing but whole pages is read, and much of it, past the machine's cache. */
static int32_t descriptor_for(const uint8_t *target, const struct range *range)
{
	bool aligned = ((uintptr_t)target | (size_t)range->position | (size_t)range->length) % PAGE == 0;

	return pool.direct >= 0 && aligned && range->length >= LARGE ? pool.direct : pool.device;
}

/* 0, or an errno */
static int read_range(uint8_t *target, const struct range *range)
{
	size_t length = (size_t)range->length, done = 0;
	int32_t descriptor = descriptor_for(target, range);

	if (range->position < 0) {
		memset(target, 0, length);
		return 0;
	}
	await_data_write(range->position, range->length);
	while (done < length) {
		ssize_t count = pread(descriptor, target + done, length - done, (off_t)range->position + (off_t)done);

		if (count > 0)
			done += (size_t)count;
		else if (count == 0)
			return EIO;
		else if (errno == EINVAL && descriptor == pool.direct)
			descriptor = pool.device;
		else if (errno != EINTR)
			return errno;
	}
	return 0;
}

/* Two threads may do so at once: then one of the waits does not count. */
static int64_t learn_wait(int64_t waited)
{
	int64_t before = atomic_load_explicit(&pool.wait, memory_order_relaxed), after = before + (waited - before) / MEAN_OF;

	atomic_store_explicit(&pool.wait, after, memory_order_relaxed);
	return after;
}

static void perform(const struct job *job, uint8_t *memory)
{
	uint8_t *message = memory + PAGE - HEAD, *end = memory + PAGE;
	int64_t began = monotonic_nanoseconds();

	memcpy(message, job->head, HEAD);
	for (size_t i = 0; i < (size_t)job->count; i++) {
		int error = read_range(end, &job->ranges[i]);

		if (error != 0) {
			memcpy(message, job->otherwise, HEAD);
			end = memory + PAGE;
			/* Before anybody can see that it failed. */
			note_failed_transfer(false, job->tag, job->ranges[i].position, job->ranges[i].length, error);
			break;
		}
		end += (size_t)job->ranges[i].length;
	}
	if (end - message <= SMALL + HEAD)
		learn_wait(monotonic_nanoseconds() - began);
	send_message(pool.channel, message, (size_t)(end - message));
}

static void *work(void *argument)
{
	struct reader *self = argument;

	prctl(PR_SET_NAME, "data");
	pthread_mutex_lock(&pool.lock);
	for (;;) {
		while (pool.waiting == 0 && !pool.stopping) {
			pool.idle++;
			pthread_cond_wait(&pool.work, &pool.lock);
			pool.idle--;
		}
		if (pool.waiting == 0)
			break;
		memcpy(&self->job, &pool.jobs[pool.first], size_of_job(&pool.jobs[pool.first]));
		pool.first = (pool.first + 1) % SLOTS;
		pool.waiting--;
		self->busy = true;
		pthread_mutex_unlock(&pool.lock);
		perform(&self->job, self->memory);
		pthread_mutex_lock(&pool.lock);
		self->busy = false;
		pthread_cond_broadcast(&pool.ended);
	}
	pthread_mutex_unlock(&pool.lock);
	return NULL;
}

static void stop(void)
{
	pthread_mutex_lock(&pool.lock);
	pool.stopping = true;
	pthread_cond_broadcast(&pool.work);
	pthread_mutex_unlock(&pool.lock);
	for (int i = 0; i < pool.started; i++) {
		pthread_join(pool.threads[i].thread, NULL);
		munmap(pool.threads[i].memory, PAGE + pool.largest);
	}
	pool.started = 0;
}

/* The thread that had them started has come to its end, whatever it is. */
static void stop_with_owner(void *argument)
{
	(void)argument;
	stop();
}

/* An errno, or 0. */
static int start_one(struct reader *thread)
{
	int error;

	thread->memory = memory_for_data(PAGE + pool.largest);
	if (!thread->memory)
		return errno;
	error = start_thread(&thread->thread, STACK, work, thread);
	if (error != 0)
		munmap(thread->memory, PAGE + pool.largest);
	return error;
}

/* startDataReads(count, device, channel, largest, direct: -1 for none): how many there are, or -errno where there is none */
static napi_value shim_start_data_reads(napi_env env, napi_callback_info info)
{
	int32_t count, largest;

	if (!shim_int32s(env, info, &count, &pool.device, &pool.channel, &largest, &pool.direct))
		return NULL;
	errno = pool.started > 0 ? EBUSY : count < 1 || count > MOST_THREADS || largest < 1 ? EINVAL : 0;
	if (errno != 0)
		return shim_result(env, -1);
	pool.largest = (size_t)largest;
	pool.stopping = false;
	wake_on_failures();
	while (pool.started < count && (errno = start_one(&pool.threads[pool.started])) == 0)
		pool.started++;
	if (pool.started == 0)
		return shim_result(env, -1);
	napi_add_env_cleanup_hook(env, stop_with_owner, NULL);
	return shim_result(env, pool.started);
}

/* Whether a thread can do it without looking at it any more. */
static bool is_sound(const struct job *job, size_t length)
{
	double total = 0;

	if (length < offsetof(struct job, ranges) || !(job->count >= 0 && job->count <= MOST_RANGES) || length < size_of_job(job))
		return false;
	for (size_t i = 0; i < (size_t)job->count; i++) {
		if (!(job->ranges[i].length >= 0 && job->ranges[i].length <= (double)pool.largest))
			return false;
		total += job->ranges[i].length;
	}
	return total <= (double)pool.largest;
}

/*
 * sendWhenRead(job, atOnce): what small reads have waited for lately, in nanoseconds, or -EAGAIN where no more jobs can
 * wait. Where the device has begun to read already, a thread that is awake has time enough for more than one.
 */
static napi_value shim_send_when_read(napi_env env, napi_callback_info info)
{
	napi_value argv[2];
	struct job *job;
	uint8_t *bytes;
	size_t length;
	int32_t at_once;
	bool full, wake;

	if (!shim_arguments(env, info, 2, argv) || !shim_bytes(env, argv[0], &bytes, &length) || !shim_int32(env, argv[1], &at_once))
		return NULL;
	job = (struct job *)bytes;
	if ((uintptr_t)bytes % sizeof(double) != 0 || !is_sound(job, length)) {
		napi_throw_range_error(env, NULL, "no such job");
		return NULL;
	}
	pthread_mutex_lock(&pool.lock);
	full = pool.waiting == SLOTS || pool.started == 0 || pool.stopping;
	wake = !full && pool.idle > 0 && (at_once || pool.idle == pool.started || pool.waiting >= MOST_FOR_ONE);
	if (!full)
		memcpy(&pool.jobs[(pool.first + pool.waiting++) % SLOTS], job, size_of_job(job));
	pthread_mutex_unlock(&pool.lock);
	if (wake)
		pthread_cond_signal(&pool.work);
	errno = EAGAIN;
	return shim_result(env, full ? -1 : atomic_load_explicit(&pool.wait, memory_order_relaxed));
}

/* learnWait(nanoseconds): somebody else has read; what small reads have waited for lately */
static napi_value shim_learn_wait(napi_env env, napi_callback_info info)
{
	napi_value argv[1];
	int64_t waited;

	if (!shim_arguments(env, info, 1, argv) || !shim_int64(env, argv[0], &waited))
		return NULL;
	return shim_result(env, learn_wait(waited < 0 ? 0 : waited));
}

static bool overlaps(const struct job *job, double position, double length)
{
	for (size_t i = 0; i < (size_t)job->count; i++) {
		const struct range *range = &job->ranges[i];

		if (range->position >= 0 && range->position < position + length && position < range->position + range->length)
			return true;
	}
	return false;
}

/* Whether a range is being read, or will be. */
static bool is_read(double position, double length)
{
	for (unsigned int i = 0; i < pool.waiting; i++)
		if (overlaps(&pool.jobs[(pool.first + i) % SLOTS], position, length))
			return true;
	for (int i = 0; i < pool.started; i++)
		if (pool.threads[i].busy && overlaps(&pool.threads[i].job, position, length))
			return true;
	return false;
}

/* awaitRead(position, length): returns 0 when no job that was given before reads anything there */
static napi_value shim_await_read(napi_env env, napi_callback_info info)
{
	napi_value argv[2];
	int64_t position, length;

	if (!shim_arguments(env, info, 2, argv) || !shim_int64(env, argv[0], &position) || !shim_int64(env, argv[1], &length))
		return NULL;
	pthread_mutex_lock(&pool.lock);
	while (is_read((double)position, (double)length))
		pthread_cond_wait(&pool.ended, &pool.lock);
	pthread_mutex_unlock(&pool.lock);
	return shim_result(env, 0);
}

/* stopDataReads(): returns 0 when all jobs are done, and no thread is left */
static napi_value shim_stop_data_reads(napi_env env, napi_callback_info info)
{
	(void)info;
	if (pool.started > 0) {
		napi_remove_env_cleanup_hook(env, stop_with_owner, NULL);
		stop();
	}
	return shim_result(env, 0);
}

void export_data_reads(napi_env env, napi_value exports)
{
	shim_export(env, exports, "startDataReads", shim_start_data_reads);
	shim_export(env, exports, "sendWhenRead", shim_send_when_read);
	shim_export(env, exports, "learnWait", shim_learn_wait);
	shim_export(env, exports, "awaitRead", shim_await_read);
	shim_export(env, exports, "stopDataReads", shim_stop_data_reads);
}
