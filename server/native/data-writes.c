/*
 * Threads that write what they are given past the page cache, and send a message when it is on the device, or another
 * one where that fails. What the messages mean is not known here.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "data-transfers.h"
#include "data-writes.h"
#include "server.h"
#include "thread.h"
#include "write-job.h"

enum {
	THREADS = 4,
	/* As many can be under way, or wait for a thread. */
	SLOTS = 8,
	STACK = 128 * 1024,
	/* A mean over about so many. */
	MEAN_OF = 8,
	MEBIBYTE = 1 << 20,
	/* In nanoseconds, as long as nothing is known: neither quick nor slow. */
	UNKNOWN_MEAN = 5000000,
};

struct slot {
	/* Page-aligned; the pieces one after the other. */
	uint8_t *memory;
	struct write_job job;
	enum { FREE, WAITING, UNDER_WAY } state;
	/* Of all that were ever begun: the place in their order. */
	uint64_t number;
};

/* One mount is served by a process, and has one pool. */
static struct {
	pthread_mutex_t lock;
	pthread_cond_t work, ended;
	pthread_t threads[THREADS];
	int started;
	struct slot slots[SLOTS];
	/* Of the slots, for who looks without the lock. */
	atomic_int busy;
	/* The same, where JavaScript sees it. */
	_Atomic int32_t *shown;
	uint64_t begun;
	bool stopping;
	/* The same file twice: the one passes all caches, the other one takes what the first one does not. */
	int32_t direct, device, channel;
	size_t largest;
	/* Of new blocks, until somebody was told. */
	int failure;
	/* What a mebibyte takes, if others are under way, in nanoseconds. */
	int64_t mean;
} pool = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
	.work = PTHREAD_COND_INITIALIZER,
	.ended = PTHREAD_COND_INITIALIZER,
};

static void count_busy(int change)
{
	int busy = atomic_fetch_add(&pool.busy, change) + change;

	atomic_store_explicit(pool.shown, busy, memory_order_relaxed);
}

/* 0, or an errno */
static int write_piece(const uint8_t *memory, const struct piece *piece)
{
	const uint8_t *data = memory + (size_t)piece->from;
	size_t length = (size_t)piece->length, done = 0;
	int descriptor = pool.direct;

	while (done < length) {
		ssize_t count = pwrite(descriptor, data + done, length - done, (off_t)piece->position + (off_t)done);

		if (count > 0)
			done += (size_t)count;
		else if (count < 0 && errno == EINVAL && descriptor == pool.direct)
			/* Some want more than pages that lie on pages. */
			descriptor = pool.device;
		else if (count == 0 || errno != EINTR)
			return count == 0 ? EIO : errno;
	}
	return 0;
}

static void perform(const struct write_job *job, const uint8_t *memory)
{
	int error = 0;

	for (size_t i = 0; i < (size_t)job->count && error == 0; i++) {
		error = write_piece(memory, &job->pieces[i]);
		/* Before anybody can see that it failed. */
		if (error != 0)
			note_failed_transfer(true, job->tag, job->pieces[i].position, job->pieces[i].length, error);
	}
	if (error == 0) {
		send_message(pool.channel, job->done, DONE_SIZE);
		return;
	}
	if (job->fresh != 0) {
		pthread_mutex_lock(&pool.lock);
		pool.failure = error;
		pthread_mutex_unlock(&pool.lock);
	}
	send_message(pool.channel, job->failed, FAILED_SIZE);
}

/* With the lock held. */
static void learn(int64_t nanoseconds, const struct write_job *job, int at_once)
{
	pool.mean += ((int64_t)((double)nanoseconds * MEBIBYTE / length_of_write_job(job) / at_once) - pool.mean) / MEAN_OF;
}

static struct slot *first_waiting(void)
{
	struct slot *first = NULL;

	for (int i = 0; i < SLOTS; i++)
		if (pool.slots[i].state == WAITING && (first == NULL || pool.slots[i].number < first->number))
			first = &pool.slots[i];
	return first;
}

static int under_way(void)
{
	int count = 0;

	for (int i = 0; i < SLOTS; i++)
		count += pool.slots[i].state == UNDER_WAY;
	return count;
}

static void *work(void *argument)
{
	(void)argument;
	prctl(PR_SET_NAME, "writer");
	pthread_mutex_lock(&pool.lock);
	for (;;) {
		struct slot *slot;
		int64_t began;
		int at_once;

		while ((slot = first_waiting()) == NULL && !pool.stopping)
			pthread_cond_wait(&pool.work, &pool.lock);
		if (slot == NULL)
			break;
		slot->state = UNDER_WAY;
		at_once = under_way();
		pthread_mutex_unlock(&pool.lock);
		began = monotonic_nanoseconds();
		perform(&slot->job, slot->memory);
		pthread_mutex_lock(&pool.lock);
		learn(monotonic_nanoseconds() - began, &slot->job, at_once);
		slot->state = FREE;
		count_busy(-1);
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
	for (int i = 0; i < pool.started; i++)
		pthread_join(pool.threads[i], NULL);
	pool.started = 0;
	for (int i = 0; i < SLOTS; i++)
		munmap(pool.slots[i].memory, pool.largest);
}

/* The thread that had them started has come to its end, whatever it is. */
static void stop_with_owner(void *argument)
{
	(void)argument;
	stop();
}

static bool reserve_memory(void)
{
	for (int i = 0; i < SLOTS; i++) {
		pool.slots[i].memory = memory_for_data(pool.largest);
		if (pool.slots[i].memory)
			continue;
		while (i > 0)
			munmap(pool.slots[--i].memory, pool.largest);
		return false;
	}
	return true;
}

/*
 * startDataWrites(direct, device, channel, largest, shown: Uint8Array of an int32): 0, or -errno. `shown` says how many
 * are under way or wait; it has to stay where it is.
 */
static napi_value shim_start_data_writes(napi_env env, napi_callback_info info)
{
	napi_value argv[5];
	uint8_t *shown;
	size_t length;
	int32_t largest;

	if (!shim_arguments(env, info, 5, argv) || !shim_int32(env, argv[0], &pool.direct) || !shim_int32(env, argv[1], &pool.device) ||
	    !shim_int32(env, argv[2], &pool.channel) || !shim_int32(env, argv[3], &largest) || !shim_bytes(env, argv[4], &shown, &length))
		return NULL;
	errno = pool.started > 0 ? EBUSY : largest < 1 || length < sizeof(int32_t) || (uintptr_t)shown % sizeof(int32_t) ? EINVAL : 0;
	if (errno != 0)
		return shim_result(env, -1);
	pool.largest = (size_t)largest;
	pool.mean = UNKNOWN_MEAN;
	pool.shown = (_Atomic int32_t *)shown;
	pool.stopping = false;
	if (!reserve_memory())
		return shim_result(env, -1);
	while (pool.started < THREADS && (errno = start_thread(&pool.threads[pool.started], STACK, work, NULL)) == 0)
		pool.started++;
	if (pool.started < THREADS) {
		int error = errno;

		stop();
		errno = error;
		return shim_result(env, -1);
	}
	napi_add_env_cleanup_hook(env, stop_with_owner, NULL);
	return shim_result(env, 0);
}

static struct slot *free_slot(void)
{
	for (int i = 0; i < SLOTS; i++)
		if (pool.slots[i].state == FREE)
			return &pool.slots[i];
	return NULL;
}

/* Copies the pieces to the slot's own memory, one after the other. */
static void fill(struct slot *slot, const struct write_job *job, const uint8_t *memory)
{
	size_t end = 0;

	memcpy(&slot->job, job, size_of_write_job(job));
	for (size_t i = 0; i < (size_t)job->count; i++) {
		struct piece *piece = &slot->job.pieces[i];

		memcpy(slot->memory + end, memory + (size_t)piece->from, (size_t)piece->length);
		piece->from = (double)end;
		end += (size_t)piece->length;
	}
}

/*
 * sendWhenWritten(job, memory, patience, alone): 0, or -EAGAIN where so many are under way that another had to wait; it
 * does if what a mebibyte takes is less than the patience, in nanoseconds. If it takes less than `alone`, and no other
 * is under way, the caller writes it himself. The memory is the caller's again on return.
 */
static napi_value shim_send_when_written(napi_env env, napi_callback_info info)
{
	napi_value argv[4];
	struct write_job *job;
	uint8_t *bytes, *memory;
	size_t length, available;
	struct slot *slot;
	int64_t patience, alone;

	if (!shim_arguments(env, info, 4, argv) || !shim_bytes(env, argv[0], &bytes, &length) ||
	    !shim_bytes(env, argv[1], &memory, &available) || !shim_int64(env, argv[2], &patience) || !shim_int64(env, argv[3], &alone))
		return NULL;
	job = (struct write_job *)bytes;
	if ((uintptr_t)bytes % sizeof(double) != 0 || !is_sound_write_job(job, length, available, pool.largest)) {
		napi_throw_range_error(env, NULL, "no such job");
		return NULL;
	}
	pthread_mutex_lock(&pool.lock);
	if (atomic_load(&pool.busy) == 0 && pool.mean < alone && write_job_lies_on_pages(job, memory)) {
		int64_t began = monotonic_nanoseconds();

		/* Nobody else begins one. */
		pthread_mutex_unlock(&pool.lock);
		perform(job, memory);
		pthread_mutex_lock(&pool.lock);
		learn(monotonic_nanoseconds() - began, job, 1);
		pthread_mutex_unlock(&pool.lock);
		return shim_result(env, 0);
	}
	while ((slot = free_slot()) == NULL && pool.mean < patience && pool.started > 0 && !pool.stopping)
		pthread_cond_wait(&pool.ended, &pool.lock);
	if (slot == NULL || pool.started == 0 || pool.stopping) {
		pthread_mutex_unlock(&pool.lock);
		errno = EAGAIN;
		return shim_result(env, -1);
	}
	/* Nobody else takes a free one. */
	pthread_mutex_unlock(&pool.lock);
	fill(slot, job, memory);
	pthread_mutex_lock(&pool.lock);
	slot->number = pool.begun++;
	slot->state = WAITING;
	count_busy(1);
	pthread_mutex_unlock(&pool.lock);
	pthread_cond_signal(&pool.work);
	return shim_result(env, 0);
}

uint64_t data_writes_begun(void)
{
	return pool.begun;
}

static bool is_earlier_busy(uint64_t count)
{
	for (int i = 0; i < SLOTS; i++)
		if (pool.slots[i].state != FREE && pool.slots[i].number < count)
			return true;
	return false;
}

int await_data_writes(uint64_t count)
{
	int failure;

	pthread_mutex_lock(&pool.lock);
	while (is_earlier_busy(count))
		pthread_cond_wait(&pool.ended, &pool.lock);
	failure = pool.failure;
	pool.failure = 0;
	pthread_mutex_unlock(&pool.lock);
	return failure;
}

/* awaitDataWrites(): returns when all have ended: 0, or -errno of one of new blocks that failed, once */
static napi_value shim_await_data_writes(napi_env env, napi_callback_info info)
{
	(void)info;
	errno = await_data_writes(pool.begun);
	return shim_result(env, errno == 0 ? 0 : -1);
}

static bool is_written(double position, double length)
{
	for (int i = 0; i < SLOTS; i++)
		if (pool.slots[i].state != FREE && write_job_overlaps(&pool.slots[i].job, position, length))
			return true;
	return false;
}

void await_data_write(double position, double length)
{
	if (atomic_load(&pool.busy) == 0)
		return;
	pthread_mutex_lock(&pool.lock);
	while (is_written(position, length))
		pthread_cond_wait(&pool.ended, &pool.lock);
	pthread_mutex_unlock(&pool.lock);
}

/* awaitDataWrite(position, length): returns 0 when nothing is being written there */
static napi_value shim_await_data_write(napi_env env, napi_callback_info info)
{
	napi_value argv[2];
	int64_t position, length;

	if (!shim_arguments(env, info, 2, argv) || !shim_int64(env, argv[0], &position) || !shim_int64(env, argv[1], &length))
		return NULL;
	await_data_write((double)position, (double)length);
	return shim_result(env, 0);
}

/* stopDataWrites(): returns 0 when all are done, and no thread is left */
static napi_value shim_stop_data_writes(napi_env env, napi_callback_info info)
{
	(void)info;
	if (pool.started > 0) {
		napi_remove_env_cleanup_hook(env, stop_with_owner, NULL);
		stop();
	}
	return shim_result(env, 0);
}

void export_data_writes(napi_env env, napi_value exports)
{
	shim_export(env, exports, "startDataWrites", shim_start_data_writes);
	shim_export(env, exports, "sendWhenWritten", shim_send_when_written);
	shim_export(env, exports, "awaitDataWrites", shim_await_data_writes);
	shim_export(env, exports, "awaitDataWrite", shim_await_data_write);
	shim_export(env, exports, "stopDataWrites", shim_stop_data_writes);
}
