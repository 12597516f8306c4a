/*
 * many-files ACTION ROOT DIRECTORIES FILES PROCESSES SECONDS
 *
 * ACTION create, stat, list, rename or unlink on FILES empty files that lie evenly in ROOT/d0, ROOT/d1, ...
 * Each process has a share of them that is contiguous, and stops after SECONDS, or where a file is missing: an
 * earlier action came no further. What changes the tree is on the device at the end (syncfs).
 * Prints how many files were done, and in how many seconds.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { FILES_BETWEEN_LOOKS = 64 };

static long directories, files, processes;
static double deadline;

static double now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

static void name(char *into, size_t size, long file, const char *suffix)
{
	snprintf(into, size, "d%ld/file-%ld%s", file / (files / directories), file, suffix);
}

/* False where the file is not there. */
static bool done(int result, const char *path)
{
	if (result < 0 && errno != ENOENT)
		err(1, "%s", path);
	return result >= 0;
}

static bool create(long file)
{
	char path[64];
	name(path, sizeof path, file, "");
	int descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (descriptor < 0)
		err(1, "%s", path);
	if (close(descriptor) < 0)
		err(1, "%s", path);
	return true;
}

static bool look(long file)
{
	char path[64];
	struct stat found;
	name(path, sizeof path, file, "");
	return done(lstat(path, &found), path);
}

static bool move(long file)
{
	char from[64], to[64];
	name(from, sizeof from, file, "");
	name(to, sizeof to, file, ".moved");
	return done(rename(from, to), from);
}

static bool drop(long file)
{
	char path[64];
	name(path, sizeof path, file, ".moved");
	return done(unlink(path), path);
}

static long act(bool (*action)(long), long from, long to)
{
	for (long file = from; file < to; file++) {
		if ((file - from) % FILES_BETWEEN_LOOKS == 0 && now() > deadline)
			return file - from;
		if (!action(file))
			return file - from;
	}
	return to - from;
}

static long list(long process)
{
	long count = 0;
	/* Where there is one directory only, each process lists it. */
	for (long at = directories < processes ? 0 : process; at < directories; at += directories < processes ? 1 : processes) {
		char path[64];
		snprintf(path, sizeof path, "d%ld", at);
		DIR *directory = opendir(path);
		if (directory == NULL)
			err(1, "%s", path);
		errno = 0;
		for (struct dirent *entry; (entry = readdir(directory)) != NULL && now() <= deadline;)
			count += entry->d_name[0] != '.';
		if (errno != 0)
			err(1, "%s", path);
		closedir(directory);
	}
	return count;
}

static long share(const char *action, long process)
{
	long from = files / processes * process, to = files / processes * (process + 1);
	if (strcmp(action, "create") == 0)
		return act(create, from, to);
	if (strcmp(action, "stat") == 0)
		return act(look, from, to);
	if (strcmp(action, "list") == 0)
		return list(process);
	if (strcmp(action, "rename") == 0)
		return act(move, from, to);
	if (strcmp(action, "unlink") == 0)
		return act(drop, from, to);
	errx(2, "no action %s", action);
}

static void make_directories(void)
{
	for (long at = 0; at < directories; at++) {
		char path[64];
		snprintf(path, sizeof path, "d%ld", at);
		if (mkdir(path, 0755) < 0)
			err(1, "%s", path);
	}
}

int main(int count, char **arguments)
{
	if (count != 7)
		errx(2, "usage: many-files ACTION ROOT DIRECTORIES FILES PROCESSES SECONDS");
	const char *action = arguments[1];
	directories = atol(arguments[3]);
	files = atol(arguments[4]);
	processes = atol(arguments[5]);
	if (directories < 1 || processes < 1 || files < directories)
		errx(2, "impossible numbers");
	if (mkdir(arguments[2], 0755) < 0 && errno != EEXIST)
		err(1, "%s", arguments[2]);
	if (chdir(arguments[2]) < 0)
		err(1, "%s", arguments[2]);
	if (strcmp(action, "create") == 0)
		make_directories();
	long *finished = mmap(NULL, processes * sizeof *finished, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (finished == MAP_FAILED)
		err(1, "mmap");

	double started = now();
	deadline = started + atof(arguments[6]);
	for (long process = 0; process < processes; process++) {
		pid_t child = fork();
		if (child < 0)
			err(1, "fork");
		if (child == 0) {
			finished[process] = share(action, process);
			_exit(0);
		}
	}
	bool failed = false;
	for (int status; wait(&status) > 0;)
		failed |= status != 0;
	if (failed)
		return 1;
	if (strcmp(action, "stat") != 0 && strcmp(action, "list") != 0) {
		int root = open(".", O_RDONLY | O_DIRECTORY);
		if (root < 0 || syncfs(root) < 0)
			err(1, "syncfs");
	}
	double seconds = now() - started;
	long total = 0;
	for (long process = 0; process < processes; process++)
		total += finished[process];
	printf("%ld %.6f\n", total, seconds);
	return 0;
}
