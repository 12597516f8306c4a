/*
 * A thread that carries out writes and flushes in a given order, while the one that asked for them goes on. It takes one
 * job at a time, stops at the first step that fails, and knows nothing of what it writes. It can also wait for what the
 * device reads: into the machine's cache, for the other one to find it there.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "data-writes.h"
#include "server.h"
#include "thread.h"

enum { STACK_BYTES = 256 << 10, LARGEST_FETCH = 64 << 10 };

/* Of a step, as JavaScript lists them: descriptor, array, offset in it, length, position. */
enum { NUMBERS_PER_STEP = 5 };

/* In the place of an array. Flush or nothing, data that is on its way is awaited. */
enum { FLUSH = -1, SETTLE = -2, FETCH = -3 };

struct step {
	int descriptor, without_data;
	const uint8_t *data; /* NULL: one of those three */
	size_t length;
	off_t position;
};

struct job_thread {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool stopping, stopped;
	/* Who is told of the end of a job; 0: nobody. */
	pid_t owner;
	atomic_bool running;
	struct step *steps;
	size_t count, room;
	/* So many writes of data had been begun before the job. */
	uint64_t data_writes;
	/* Of the last job. */
	int failure;
	size_t done;
	int64_t nanoseconds;
};

/* 0, or a positive errno */
static int settle(const struct step *step, uint64_t data_writes)
{
	int failure = await_data_writes(data_writes);

	return failure == 0 && step->without_data == FLUSH && fdatasync(step->descriptor) < 0 ? errno : failure;
}

/* 0, or a positive errno */
static int fetch(const struct step *step)
{
	uint8_t unseen[LARGEST_FETCH];
	ssize_t count = pread(step->descriptor, unseen, step->length, step->position);

	return count < 0 ? errno : count < (ssize_t)step->length ? EIO : 0;
}

/* 0, or a positive errno */
static int carry_out(const struct step *step, uint64_t data_writes)
{
	size_t done = 0;

	if (!step->data)
		return step->without_data == FETCH ? fetch(step) : settle(step, data_writes);
	while (done < step->length) {
		ssize_t count = pwrite(step->descriptor, step->data + done, step->length - done, step->position + (off_t)done);

		if (count < 0 && errno != EINTR)
			return errno;
		if (count > 0)
			done += (size_t)count;
	}
	return 0;
}

static void *work(void *argument)
{
	struct job_thread *self = argument;

	pthread_mutex_lock(&self->lock);
	for (;;) {
		int64_t begin;
		size_t done = 0;
		int failure = 0;

		while (!atomic_load(&self->running) && !self->stopping)
			pthread_cond_wait(&self->changed, &self->lock);
		if (!atomic_load(&self->running))
			break;
		pthread_mutex_unlock(&self->lock);
		begin = monotonic_nanoseconds();
		while (done < self->count && !(failure = carry_out(&self->steps[done], self->data_writes)))
			done++;
		pthread_mutex_lock(&self->lock);
		self->failure = failure;
		self->done = done;
		self->nanoseconds = monotonic_nanoseconds() - begin;
		atomic_store(&self->running, false);
		pthread_cond_broadcast(&self->changed);
		if (self->owner)
			syscall(SYS_tgkill, getpid(), self->owner, INTERRUPT_SIGNAL);
	}
	pthread_mutex_unlock(&self->lock);
	return NULL;
}

/* A job that was begun is brought to its end. */
static void stop(struct job_thread *self)
{
	if (self->stopped)
		return;
	pthread_mutex_lock(&self->lock);
	self->stopping = true;
	pthread_cond_broadcast(&self->changed);
	pthread_mutex_unlock(&self->lock);
	pthread_join(self->thread, NULL);
	self->stopped = true;
}

static void release(napi_env env, void *data, void *hint)
{
	struct job_thread *self = data;

	(void)env, (void)hint;
	stop(self);
	pthread_cond_destroy(&self->changed);
	pthread_mutex_destroy(&self->lock);
	free(self->steps);
	free(self);
}

/*
 * startJobThread(): what the other calls want, or -errno. If the calling thread can be interrupted, each end of a job
 * interrupts its awaitReadable().
 */
static napi_value shim_start_job_thread(napi_env env, napi_callback_info info)
{
	struct job_thread *self = calloc(1, sizeof(*self));
	napi_value result = NULL;

	(void)info;
	if (!self)
		return shim_result(env, -1);
	pthread_mutex_init(&self->lock, NULL);
	pthread_cond_init(&self->changed, NULL);
	self->owner = is_interruptible() ? (pid_t)syscall(SYS_gettid) : 0;
	errno = start_thread(&self->thread, STACK_BYTES, work, self);
	if (errno) {
		free(self);
		return shim_result(env, -1);
	}
	if (napi_create_external(env, self, release, NULL, &result) != napi_ok)
		release(env, self, NULL);
	return result;
}

static bool job_thread(napi_env env, napi_value value, struct job_thread **self)
{
	if (napi_get_value_external(env, value, (void **)self) == napi_ok)
		return true;
	napi_throw_type_error(env, NULL, "expected a job thread");
	return false;
}

static bool job_thread_argument(napi_env env, napi_callback_info info, struct job_thread **self)
{
	napi_value argv[1];

	return shim_arguments(env, info, 1, argv) && job_thread(env, argv[0], self);
}

static bool read_step(napi_env env, const double *numbers, napi_value arrays, struct step *step)
{
	uint8_t *data = NULL;
	size_t available;
	napi_value array;

	*step = (struct step){ .descriptor = (int)numbers[0], .length = (size_t)numbers[3], .position = (off_t)numbers[4] };
	if (numbers[1] < 0) {
		step->without_data = (int)numbers[1];
		if (step->without_data == FETCH && !(numbers[3] >= 0 && numbers[3] <= LARGEST_FETCH)) {
			napi_throw_range_error(env, NULL, "too long to be fetched");
			return false;
		}
		return true;
	}
	if (napi_get_element(env, arrays, (uint32_t)numbers[1], &array) != napi_ok || !shim_bytes(env, array, &data, &available))
		return false;
	if (!(numbers[2] >= 0 && numbers[3] >= 0 && numbers[2] + numbers[3] <= (double)available)) {
		napi_throw_range_error(env, NULL, "outside the array");
		return false;
	}
	step->data = data + (size_t)numbers[2];
	return true;
}

/*
 * startJob(thread, steps: Float64Array, count, arrays): 0, or -errno (EBUSY: the last one goes on). The arrays belong
 * to the thread until the job has ended: they have to stay where they are.
 */
static napi_value shim_start_job(napi_env env, napi_callback_info info)
{
	napi_value argv[4];
	struct job_thread *self;
	napi_typedarray_type type;
	void *numbers = NULL;
	size_t length;
	int64_t count;

	if (!shim_arguments(env, info, 4, argv) || !job_thread(env, argv[0], &self) || !shim_int64(env, argv[2], &count))
		return NULL;
	if (napi_get_typedarray_info(env, argv[1], &type, &length, &numbers, NULL, NULL) != napi_ok || type != napi_float64_array ||
	    count < 0 || (uint64_t)count > length / NUMBERS_PER_STEP) {
		napi_throw_type_error(env, NULL, "expected a Float64Array of so many steps");
		return NULL;
	}
	if (atomic_load(&self->running) || self->stopped) {
		errno = EBUSY;
		return shim_result(env, -1);
	}
	if ((size_t)count > self->room) {
		struct step *steps = realloc(self->steps, (size_t)count * sizeof(*steps));

		if (!steps)
			return shim_result(env, -1);
		self->steps = steps;
		self->room = (size_t)count;
	}
	for (int64_t i = 0; i < count; i++)
		if (!read_step(env, (const double *)numbers + i * NUMBERS_PER_STEP, argv[3], &self->steps[i]))
			return NULL;
	pthread_mutex_lock(&self->lock);
	self->count = (size_t)count;
	self->data_writes = data_writes_begun();
	atomic_store(&self->running, true);
	pthread_cond_broadcast(&self->changed);
	pthread_mutex_unlock(&self->lock);
	return shim_result(env, 0);
}

/* jobRuns(thread): 1 while a job goes on */
static napi_value shim_job_runs(napi_env env, napi_callback_info info)
{
	struct job_thread *self;

	return job_thread_argument(env, info, &self) ? shim_result(env, atomic_load(&self->running)) : NULL;
}

/* finishJob(thread, outcome: Float64Array): waits for the end of the job. 0, or -errno; steps done, nanoseconds taken */
static napi_value shim_finish_job(napi_env env, napi_callback_info info)
{
	napi_value argv[2];
	struct job_thread *self;
	napi_typedarray_type type;
	void *outcome = NULL;
	size_t length;

	if (!shim_arguments(env, info, 2, argv) || !job_thread(env, argv[0], &self))
		return NULL;
	if (napi_get_typedarray_info(env, argv[1], &type, &length, &outcome, NULL, NULL) != napi_ok || type != napi_float64_array ||
	    length < 2) {
		napi_throw_type_error(env, NULL, "expected a Float64Array of two numbers");
		return NULL;
	}
	pthread_mutex_lock(&self->lock);
	while (atomic_load(&self->running))
		pthread_cond_wait(&self->changed, &self->lock);
	pthread_mutex_unlock(&self->lock);
	((double *)outcome)[0] = (double)self->done;
	((double *)outcome)[1] = (double)self->nanoseconds;
	errno = self->failure;
	return shim_result(env, self->failure ? -1 : 0);
}

/* stopJobThread(thread): 0. What goes on is brought to its end. */
static napi_value shim_stop_job_thread(napi_env env, napi_callback_info info)
{
	struct job_thread *self;

	if (!job_thread_argument(env, info, &self))
		return NULL;
	stop(self);
	return shim_result(env, 0);
}

void export_job_thread(napi_env env, napi_value exports)
{
	shim_export(env, exports, "startJobThread", shim_start_job_thread);
	shim_export(env, exports, "startJob", shim_start_job);
	shim_export(env, exports, "jobRuns", shim_job_runs);
	shim_export(env, exports, "finishJob", shim_finish_job);
	shim_export(env, exports, "stopJobThread", shim_stop_job_thread);
}
