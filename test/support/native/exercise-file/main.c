/*
 * Does random operations on the data of a few files, and keeps in memory what they should hold:
 *
 *   exercise-file DIRECTORY SEED OPERATIONS REMOUNTS EXPECTED BASE [extents] [collapse] [no-zeroing]
 *
 * REMOUNTS times in between it closes everything, prints "remount", and goes on at the next line of
 * its stdin. At the end EXPECTED/NAME@OFFSET is what each file should hold from OFFSET on. BASE is
 * where the last file's data starts. "extents": fallocate allocates; "collapse": it also collapses; "no-zeroing": it
 * zeroes no ranges.
 * Ends with status 1 at the first byte, size or errno that is not as it should be.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "exercise-file.h"

uint64_t random_state;
struct file files[FILES] = {
	{ .name = "inline", .most = 120 },
	{ .name = "small", .most = 6000 },
	{ .name = "medium", .most = 96 << 10 },
	{ .name = "large", .most = ROOM },
	{ .name = "far", .most = 256 << 10 },
};
long operation;
unsigned char *buffer, *fresh;
int extents, collapse, no_zeroing;

static void check_all(void)
{
	for (struct file *file = files; file < files + FILES; file++) {
		ssize_t got = pread(file->fd, buffer, ROOM, file->base);

		if (got != file->size)
			fail(file, "reading all gave %zd (%s)", got, got < 0 ? strerror(errno) : "");
		compare(file, buffer, 0, file->size, "the last read");
	}
}

static void remount(void)
{
	char answer[16];

	for (int i = 0; i < FILES; i++)
		close_file(&files[i]);
	must(files, "chdir", chdir("/") == 0);
	printf("remount\n");
	fflush(stdout);
	if (!fgets(answer, sizeof(answer), stdin))
		exit(3);
}

static void enter(const char *directory)
{
	must(files, directory, chdir(directory) == 0);
	for (int i = 0; i < FILES; i++)
		open_file(&files[i]);
	check_all();
}

static void write_expected(const char *directory)
{
	for (struct file *file = files; file < files + FILES; file++) {
		char path[4096];

		snprintf(path, sizeof(path), "%s/%s@%lld", directory, file->name, (long long)(file->size == 0 ? 0 : file->base));
		int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);

		must(file, path, fd >= 0 && write(fd, file->model, file->size) == file->size && close(fd) == 0);
	}
}

int main(int argc, char **argv)
{
	if (argc < 7)
		return fprintf(stderr, "usage: exercise-file DIRECTORY SEED OPERATIONS REMOUNTS EXPECTED BASE [extents] [collapse] [no-zeroing]\n"), 2;
	long count = atol(argv[3]), remounts = atol(argv[4]);

	for (int i = 7; i < argc; i++) {
		extents |= strcmp(argv[i], "extents") == 0;
		collapse |= strcmp(argv[i], "collapse") == 0;
		no_zeroing |= strcmp(argv[i], "no-zeroing") == 0;
	}
	seed_random(strtoull(argv[2], NULL, 10));
	files[FILES - 1].base = atoll(argv[6]);
	fresh = malloc(ROOM);
	buffer = aligned_alloc(PAGE, ROOM + PAGE);
	for (int i = 0; i < ROOM; i++)
		fresh[i] = word() | 1;
	for (int i = 0; i < FILES; i++)
		files[i].model = calloc(1, ROOM);

	enter(argv[1]);
	for (operation = 1; operation <= count; operation++) {
		step();
		if (operation % (count / (remounts + 1) + 1) == 0) {
			remount();
			enter(argv[1]);
		}
	}
	operation = count;
	check_all();
	for (int i = 0; i < FILES; i++)
		close_file(&files[i]);
	write_expected(argv[5]);
	return 0;
}
