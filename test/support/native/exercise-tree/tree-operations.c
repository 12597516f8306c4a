#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "exercise-tree.h"

static int do_mkdir(void) { return mkdir(below(8) ? random_directory(first_path) : random_path(first_path), 0755); }
static int do_rmdir(void) { return rmdir(any_path(first_path)); }
static int do_unlink(void) { return unlink(any_path(first_path)); }
static int do_link(void) { return link(any_path(first_path), random_path(second_path)); }
static int do_chmod(void) { return chmod(any_path(first_path), below(01000) | 0600); }
static int do_chown(void) { return lchown(any_path(first_path), below(3) * 1000, below(100000)); }

static int do_symlink(void)
{
	memset(second_path, 'x', sizeof(second_path));
	second_path[1 + (below(2) ? below(59) : below(900))] = 0;
	return symlink(second_path, random_path(first_path));
}

static int do_readlink(void)
{
	return readlink(any_path(first_path), (char *)buffer, PATH_ROOM) < 0 ? -1 : 0;
}

static int do_mknod(void)
{
	static const mode_t types[] = { S_IFIFO, S_IFSOCK, S_IFCHR, S_IFBLK, S_IFREG };

	/* Nobody has these numbers: whoever opens the node must not get at a device. */
	return mknod(random_path(first_path), types[below(5)] | 0600, makedev(600 + below(3000), below(70000)));
}

static int do_rename(void)
{
	static const unsigned flags[] = { 0, 0, 0, RENAME_NOREPLACE, RENAME_EXCHANGE, RENAME_EXCHANGE, RENAME_WHITEOUT };

	return renameat2(AT_FDCWD, any_path(first_path), AT_FDCWD, any_path(second_path), flags[below(7)]);
}

static int do_attribute(void)
{
	char name[40];
	uint32_t index = below(6);

	sprintf(name, "%s.%u", index < 4 ? "user" : "trusted", index);
	any_path(first_path);
	if (below(3) == 0)
		return lremovexattr(first_path, name);
	if (below(3) == 0)
		return lgetxattr(first_path, name, buffer, sizeof(buffer)) < 0 ? -1 : 0;
	memset(buffer, 'a' + below(4), 3000);
	return lsetxattr(first_path, name, buffer, below(3) == 0 ? below(800) : below(60), below(6) == 0 ? XATTR_CREATE : 0);
}

static int do_times(void)
{
	struct timespec times[2] = { { word(), below(1000000000) }, { 0, below(2) ? UTIME_NOW : UTIME_OMIT } };

	return utimensat(AT_FDCWD, any_path(first_path), times, AT_SYMLINK_NOFOLLOW);
}

static int do_stat(void)
{
	struct stat st;

	return lstat(any_path(first_path), &st);
}

static int do_list(void)
{
	struct dirent *entry;
	int result = 0;
	DIR *directory = opendir(below(6) == 0 ? "." : random_directory(first_path));

	if (!directory)
		return -1;
	while (errno = 0, (entry = readdir(directory)))
		if (entry->d_name[0] == 0)
			exit(report_foreign(first_path, entry->d_ino, 0, 0));
	if (errno)
		result = -1;
	int error = errno;

	closedir(directory);
	errno = error;
	return result;
}

static int do_sync_directory(void)
{
	int fd = open(random_directory(first_path), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return -1;
	int result = fsync(fd), error = errno;

	close(fd);
	errno = error;
	return result;
}

static const struct {
	const char *name;
	int weight;
	int (*run)(void);
} operations[] = {
	{ "create", 60, do_create },	 { "create exclusively", 20, do_create_exclusively },
	{ "write", 60, do_write },	 { "truncate", 20, do_truncate },
	{ "fallocate", 20, do_allocate }, { "fsync", 2, do_sync },
	{ "read", 30, do_read },	 { "mkdir", 30, do_mkdir },
	{ "rmdir", 10, do_rmdir },	 { "unlink", 40, do_unlink },
	{ "link", 20, do_link },	 { "chmod", 15, do_chmod },
	{ "chown", 15, do_chown },	 { "symlink", 15, do_symlink },
	{ "readlink", 5, do_readlink },	 { "mknod", 10, do_mknod },
	{ "rename", 50, do_rename },	 { "attribute", 30, do_attribute },
	{ "utimensat", 10, do_times },	 { "stat", 30, do_stat },
	{ "readdir", 20, do_list },	 { "fsync of a directory", 1, do_sync_directory },
	{ "tmpfile", 10, do_tmpfile },	 { "mmap", 30, do_map },
	{ "direct I/O", 30, do_direct },
};

/* What a sound filesystem answers to operations that race with others. */
static int is_answer(int error)
{
	static const int answers[] = { ENOENT, EEXIST, ENOTEMPTY, ENOTDIR, EISDIR, EINVAL, ENOSPC, ENODATA, ELOOP, EXDEV,
				       EMLINK, EPERM, EACCES, ENXIO, EOPNOTSUPP, ENAMETOOLONG, EBUSY, EFBIG, ENODEV, EDQUOT };

	for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++)
		if (error == answers[i])
			return 1;
	return damaged && (error == EUCLEAN || error == EIO || error == EBADMSG || error == ESTALE || error == EROFS || error == ENOKEY);
}

/* Attributes may be answered from a cache; whoever asks for space asks the server. */
static int mount_is_dead(void)
{
	struct statfs space;

	return statfs(".", &space) != 0;
}

void step(void)
{
	int sum = 0, choice;
	size_t i = 0;

	for (size_t at = 0; at < sizeof(operations) / sizeof(*operations); at++)
		sum += operations[at].weight;
	for (choice = below(sum); choice >= operations[i].weight; i++)
		choice -= operations[i].weight;
	first_path[0] = second_path[0] = 0;
	int error = operations[i].run() == 0 ? 0 : errno;

	outcomes[error < ERRNOS ? error : 0]++;
	if (error == 0 || is_answer(error))
		return;
	if (mortal && mount_is_dead())
		exit(0);
	printf("process %d: %s (%s, %s): %s\n", process, operations[i].name, first_path, second_path, strerror(error));
	fflush(stdout);
	exit(1);
}
