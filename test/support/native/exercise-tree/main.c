/*
 * Several processes do random operations on one tree:
 *
 *   exercise-tree DIRECTORY SEED PROCESSES SECONDS [mortal|damaged]
 *   exercise-tree --verify DIRECTORY
 *
 * Every byte that is ever written follows from the file's inode number and the byte's offset, and is
 * odd: so whoever reads sees at once what is another file's, and no file may show anything else but
 * zeros. Ends with status 1 where an operation fails as no sound filesystem fails, or where a file
 * holds what is not its own. "mortal": the mount may die, which ends the run well. "damaged": what
 * is there already may be damaged, and is worked on, too. With --verify it only reads every file.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "exercise-tree.h"

#define MOST_PROCESSES 64
/* Beyond its time a process counts as hanging. */
#define GRACE 120

uint64_t random_state;
int mortal, damaged, process;
unsigned char buffer[MOST_BYTES] __attribute__((aligned(UNIT)));
long outcomes[ERRNOS];
char first_path[PATH_ROOM], second_path[PATH_ROOM];

static void print_outcomes(void)
{
	for (int error = 0; error < ERRNOS; error++)
		if (outcomes[error] > 0)
			printf(" %s:%ld", error == 0 ? "done" : strerrorname_np(error), outcomes[error]);
	printf("\n");
	fflush(stdout);
}

static void work(uint64_t seed, int seconds)
{
	time_t end = time(NULL) + seconds;

	alarm(seconds + GRACE);
	signal(SIGBUS, leave_mapping);
	seed_random(seed);
	for (int i = 0; i < 20; i++)
		word();
	while (time(NULL) < end)
		for (int i = 0; i < 20; i++)
			step();
	if (process == 0)
		print_outcomes();
	exit(0);
}

static int strangers;

static int verify_file(const char *path, const struct stat *st, int type, struct FTW *place)
{
	(void)place;
	if (type != FTW_F || !S_ISREG(st->st_mode))
		return 0;
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	for (off_t offset = 0; offset < st->st_size; offset += sizeof(buffer)) {
		ssize_t got = pread(fd, buffer, sizeof(buffer), offset);

		if (got <= 0) {
			printf("%s: reading at %lld: %s\n", path, (long long)offset, got == 0 ? "end" : strerror(errno));
			strangers++;
			break;
		}
		off_t at = foreign_byte(st->st_ino, offset, buffer, got);

		if (at >= 0) {
			strangers += report_foreign(path, st->st_ino, at, buffer[at - offset]);
			break;
		}
	}
	close(fd);
	return 0;
}

int main(int argc, char **argv)
{
	int failed = 0, status;
	pid_t children[MOST_PROCESSES];

	if (argc == 3 && strcmp(argv[1], "--verify") == 0) {
		if (nftw(argv[2], verify_file, 64, FTW_PHYS) != 0)
			return perror(argv[2]), 1;
		return strangers > 0;
	}
	if (argc < 5)
		return fprintf(stderr, "usage: exercise-tree DIRECTORY SEED PROCESSES SECONDS [mortal|damaged] | --verify DIRECTORY\n"), 2;
	int count = atoi(argv[3]), seconds = atoi(argv[4]);

	mortal = argc > 5 && strcmp(argv[5], "mortal") == 0;
	damaged = argc > 5 && strcmp(argv[5], "damaged") == 0;
	umask(0);
	if (count > MOST_PROCESSES || chdir(argv[1]) != 0)
		return perror(argv[1]), 2;
	if (damaged)
		remember_existing();
	for (process = 0; process < count; process++) {
		children[process] = fork();
		if (children[process] == 0)
			work(strtoull(argv[2], NULL, 10) * MOST_PROCESSES + process, seconds);
	}
	for (int i = 0; i < count; i++) {
		waitpid(children[i], &status, 0);
		if (WIFSIGNALED(status))
			printf("process %d ended by signal %d%s\n", i, WTERMSIG(status), WTERMSIG(status) == SIGALRM ? ": it hung" : "");
		failed |= status != 0;
	}
	return failed;
}
