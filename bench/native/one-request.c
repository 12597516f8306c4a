/*
 * one-request ACTION TIMES
 *
 * Does something TIMES times, in the current directory, that takes one request where the kernel has cached nothing
 * that spares it. Prints how many seconds it took. What it needs (see floor/compare.ts) is there; of files and links
 * that are made, looked up or removed there are TIMES, each with a number.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

enum { PAGE = 4096, MIB = 1 << 20, BIG_FILE = 64 * MIB, FILES_PER_DIRECTORY = 200 };

static int big = -1;
static void *buffer;

static double now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec + time.tv_nsec / 1e9;
}

static void numbered(char *path, const char *format, long number)
{
	snprintf(path, 64, format, number);
}

static int look(long number)
{
	char path[64];
	struct stat found;
	snprintf(path, sizeof path, "d%ld/file-%ld", number / FILES_PER_DIRECTORY, number);
	return lstat(path, &found);
}

static int miss(long number)
{
	char path[64];
	struct stat found;
	numbered(path, "none-%ld", number);
	lstat(path, &found);
	return 0;
}

static int attributes(long number)
{
	struct statx found;
	(void)number;
	return statx(big, "", AT_EMPTY_PATH | AT_STATX_FORCE_SYNC, STATX_BASIC_STATS, &found);
}

static int birth(long number)
{
	struct statx found;
	(void)number;
	return statx(big, "", AT_EMPTY_PATH | AT_STATX_FORCE_SYNC, STATX_BASIC_STATS | STATX_BTIME, &found);
}

static int list(long number)
{
	char path[64];
	numbered(path, "d%ld", number);
	DIR *directory = opendir(path);
	if (directory == NULL)
		return -1;
	while (readdir(directory) != NULL)
		;
	return closedir(directory);
}

static int follow(long number)
{
	char path[64], target[64];
	numbered(path, "links/l%ld", number);
	return readlink(path, target, sizeof target) < 0 ? -1 : 0;
}

static int open_and_close(long number)
{
	(void)number;
	return close(open("big", O_RDONLY | O_CLOEXEC));
}

static int read_at(size_t size, long number)
{
	return pread(big, buffer, size, (number * (off_t)size) % BIG_FILE) == (ssize_t)size ? 0 : -1;
}

static int write_at(size_t size, long number)
{
	return pwrite(big, buffer, size, (number * (off_t)size) % BIG_FILE) == (ssize_t)size ? 0 : -1;
}

static int read_page(long number) { return read_at(PAGE, number); }
static int read_mib(long number) { return read_at(MIB, number); }
static int write_page(long number) { return write_at(PAGE, number); }
static int write_mib(long number) { return write_at(MIB, number); }

static int write_and_sync(long number)
{
	return write_page(number) < 0 ? -1 : fsync(big);
}

static int space(long number)
{
	struct statfs found;
	(void)number;
	return fstatfs(big, &found);
}

static int get_attribute(long number)
{
	char value[64];
	(void)number;
	return fgetxattr(big, "user.bench", value, sizeof value) < 0 ? -1 : 0;
}

static int list_attributes(long number)
{
	char names[256];
	(void)number;
	return flistxattr(big, names, sizeof names) < 0 ? -1 : 0;
}

static int set_attribute(long number)
{
	return fsetxattr(big, "user.bench", &number, sizeof number, 0);
}

static int seek(long number)
{
	return lseek(big, number % 1000, SEEK_HOLE) < 0 ? -1 : 0;
}

static int flags(long number)
{
	int found;
	(void)number;
	return ioctl(big, FS_IOC_GETFLAGS, &found);
}

static int set_mode(long number)
{
	return fchmod(big, number % 2 ? 0644 : 0600);
}

static int sync_nothing(long number)
{
	(void)number;
	return fsync(big);
}

static int create(long number)
{
	char path[64];
	numbered(path, "made/file-%ld", number);
	return close(open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
}

static int move(long number)
{
	char from[64], to[64];
	numbered(from, "made/file-%ld", number);
	numbered(to, "made/moved-%ld", number);
	return rename(from, to);
}

static int link_again(long number)
{
	char path[64];
	numbered(path, "made/link-%ld", number);
	return link("big", path);
}

static int drop(long number)
{
	char path[64];
	numbered(path, "made/moved-%ld", number);
	return unlink(path);
}

static int make_node(long number)
{
	char path[64];
	numbered(path, "made/node-%ld", number);
	return mknod(path, S_IFREG | 0644, 0);
}

static int make_link(long number)
{
	char path[64];
	numbered(path, "made/l%ld", number);
	return symlink("to nothing", path);
}

static int make_directory(long number)
{
	char path[64];
	numbered(path, "made/d%ld", number);
	return mkdir(path, 0755);
}

static int drop_directory(long number)
{
	char path[64];
	numbered(path, "made/d%ld", number);
	return rmdir(path);
}

static const struct {
	const char *name;
	int (*act)(long number);
} actions[] = {
	{ "lookup", look }, { "lookup-missing", miss }, { "getattr", attributes }, { "statx", birth },
	{ "readdir", list }, { "readlink", follow }, { "open", open_and_close },
	{ "read-4k", read_page }, { "read-1m", read_mib }, { "write-4k", write_page }, { "write-1m", write_mib },
	{ "write-fsync", write_and_sync }, { "fsync", sync_nothing }, { "statfs", space },
	{ "getxattr", get_attribute }, { "listxattr", list_attributes }, { "setxattr", set_attribute },
	{ "lseek", seek }, { "ioctl", flags }, { "setattr", set_mode },
	{ "create", create }, { "rename", move }, { "link", link_again }, { "unlink", drop },
	{ "mknod", make_node }, { "symlink", make_link }, { "mkdir", make_directory }, { "rmdir", drop_directory },
};

int main(int count, char **arguments)
{
	if (count != 3)
		errx(2, "usage: one-request ACTION TIMES");
	int (*act)(long) = NULL;
	for (size_t at = 0; at < sizeof actions / sizeof *actions; at++)
		if (strcmp(actions[at].name, arguments[1]) == 0)
			act = actions[at].act;
	if (act == NULL)
		errx(2, "no action %s", arguments[1]);
	if (posix_memalign(&buffer, PAGE, MIB) != 0)
		errx(1, "no memory");
	memset(buffer, 'x', MIB);
	big = open("big", O_RDWR | O_DIRECT | O_CLOEXEC);
	if (big < 0)
		err(1, "big");

	long times = atol(arguments[2]);
	double started = now();
	for (long number = 0; number < times; number++)
		if (act(number) < 0)
			err(1, "%s %ld", arguments[1], number);
	printf("%.9f\n", now() - started);
	return 0;
}
