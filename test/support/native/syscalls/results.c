/* What calls returned. Times are never printed as they are, only how they stand to those seen before. */
#define _GNU_SOURCE
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <time.h>

#include "syscalls.h"

enum { MOST_INODES = 256 };

static struct stat seen[MOST_INODES];
static int seen_count;
static struct timespec start;
/* Set once times were shown: what is called next must not have the same. */
static int times_shown;

void failed(void)
{
	printf(" %s", strerrorname_np(errno));
}

long result(long value)
{
	if (value < 0)
		failed();
	else
		printf(" %ld", value);
	return value;
}

void show_bytes(const unsigned char *bytes, size_t length)
{
	unsigned sum = 2166136261u;

	for (size_t i = 0; i < length; i++)
		sum = (sum ^ bytes[i]) * 16777619u;
	if (length > 64) {
		printf(" %zu bytes %08x", length, sum);
		return;
	}
	putchar(' ');
	for (size_t i = 0; i < length; i++) {
		if (bytes[i] > ' ' && bytes[i] < 0x7f && bytes[i] != '%')
			putchar(bytes[i]);
		else
			printf("%%%02x", bytes[i]);
	}
}

/* Waits until a time stamp given now differs from every one given before. */
static void tick(void)
{
	struct timespec before, now, pause = { .tv_nsec = 500000 };

	clock_gettime(CLOCK_REALTIME, &before);
	do {
		nanosleep(&pause, NULL);
		clock_gettime(CLOCK_REALTIME_COARSE, &now);
	} while (now.tv_sec < before.tv_sec || (now.tv_sec == before.tv_sec && now.tv_nsec <= before.tv_nsec));
}

static char relation(const struct timespec *now, const struct timespec *before)
{
	long long seconds = (long long)now->tv_sec - before->tv_sec;
	long nanoseconds = now->tv_nsec - before->tv_nsec;

	if (seconds == 0 && nanoseconds == 0)
		return '=';
	return seconds > 0 || (seconds == 0 && nanoseconds > 0) ? '+' : '-';
}

static void show_stat(const struct stat *found)
{
	struct stat *before = NULL;

	for (int i = 0; i < seen_count; i++)
		if (seen[i].st_ino == found->st_ino)
			before = &seen[i];
	printf(" %06o links %lu owner %u:%u size %lld", found->st_mode, (unsigned long)found->st_nlink, found->st_uid,
	       found->st_gid, (long long)found->st_size);
	if (S_ISCHR(found->st_mode) || S_ISBLK(found->st_mode))
		printf(" device %u:%u", major(found->st_rdev), minor(found->st_rdev));
	printf(" times %c%c%c", relation(&found->st_atim, before ? &before->st_atim : &start),
	       relation(&found->st_mtim, before ? &before->st_mtim : &start),
	       relation(&found->st_ctim, before ? &before->st_ctim : &start));
	if (!before)
		before = &seen[seen_count < MOST_INODES - 1 ? seen_count++ : seen_count];
	*before = *found;
	times_shown = 1;
}

void stat_result(int value, const struct stat *found)
{
	if (value < 0)
		failed();
	else
		show_stat(found);
}

void keep(struct call *call, int descriptor)
{
	if (descriptor < 0) {
		failed();
		return;
	}
	slots[number(call, 1) % SLOTS] = descriptor;
	printf(" ok");
}

/* Everything that a case is about to do happens after this. */
void begin_times(void)
{
	tick();
	clock_gettime(CLOCK_REALTIME, &start);
	tick();
}

void await_another_time(struct call *call)
{
	if (!times_shown || strstr(text(call, 0), "stat"))
		return;
	tick();
	times_shown = 0;
}
