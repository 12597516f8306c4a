#ifndef FUSE4FS_THREAD_H
#define FUSE4FS_THREAD_H

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* 0, or a positive errno. No signal is for the new thread: they are for those that Node knows. */
int start_thread(pthread_t *thread, size_t stack, void *(*work)(void *), void *argument);

static inline int64_t monotonic_nanoseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

#endif
