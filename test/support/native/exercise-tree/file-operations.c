#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "exercise-tree.h"

#define HELD 8
#define MOST_OFFSET (1 << 30)

static int held[HELD];

static int with_file(int flags, int (*use)(int fd, const struct stat *st))
{
	struct stat st;
	int fd = open(random_path(first_path), flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0644);

	if (fd < 0)
		return -1;
	int result = fstat(fd, &st);

	if (result == 0 && S_ISREG(st.st_mode))
		result = use(fd, &st);
	int error = errno;

	if (below(20) == 0) {
		/* Stays open, though it may lose its name. */
		int slot = below(HELD);

		if (held[slot] > 0)
			close(held[slot]);
		held[slot] = fd;
	} else {
		close(fd);
	}
	errno = error;
	return result;
}

static off_t random_offset(void)
{
	return below(10) == 0 ? below(2 << 20) : below(3) == 0 ? below(4) * 4096 : below(60000);
}

static int use_write(int fd, const struct stat *st)
{
	off_t offset = below(3) == 0 ? st->st_size : random_offset();
	size_t length = 1 + (below(20) == 0 ? below(300000) : below(9000));

	pattern(st->st_ino, offset, length, buffer);
	return pwrite(fd, buffer, length, offset) < 0 ? -1 : 0;
}

static int use_truncate(int fd, const struct stat *st)
{
	(void)st;
	return ftruncate(fd, below(3) == 0 ? 0 : random_offset());
}

static int use_allocate(int fd, const struct stat *st)
{
	static const int modes[] = { 0, FALLOC_FL_KEEP_SIZE, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, FALLOC_FL_ZERO_RANGE,
				     FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE };

	(void)st;
	return fallocate(fd, modes[below(5)], random_offset(), 1 + below(100000));
}

static int use_sync(int fd, const struct stat *st)
{
	(void)st;
	return below(2) ? fsync(fd) : fdatasync(fd);
}

static void verify_own(ino_t inode, off_t offset, ssize_t length)
{
	off_t at = foreign_byte(inode, offset, buffer, length);

	if (at >= 0 && !damaged)
		exit(report_foreign(first_path, inode, at, buffer[at - offset]));
}

static int use_read(int fd, const struct stat *st)
{
	off_t offset = below(2) ? 0 : random_offset();
	ssize_t got = pread(fd, buffer, 70000, offset);

	if (got < 0)
		return -1;
	verify_own(st->st_ino, offset, got);
	return 0;
}

static sigjmp_buf bus_error;

void leave_mapping(int signal)
{
	(void)signal;
	siglongjmp(bus_error, 1);
}

/*
 * Where a page becomes dirty through a mapping while direct I/O is under way, Linux may fail that, or the
 * next fsync, with EIO: one half of the files is written through mappings, the other has direct I/O.
 */
static int has_direct_io(const struct stat *st)
{
	return st->st_ino & 1;
}

/* The end of the file may come nearer meanwhile, and space for a hole may lack: a signal says so. */
static int copy(void *to, const void *from, size_t length)
{
	if (sigsetjmp(bus_error, 1) != 0)
		return 0;
	memcpy(to, from, length);
	return 1;
}

static int touch_mapping(int fd, const struct stat *st, off_t offset, size_t length)
{
	int writes = !has_direct_io(st) && below(2), result = 0;
	unsigned char *map = mmap(NULL, length, PROT_READ | (writes ? PROT_WRITE : 0), MAP_SHARED, fd, offset);

	if (map == MAP_FAILED)
		return -1;
	if (writes) {
		pattern(st->st_ino, offset, length, buffer);
		copy(map, buffer, length);
	} else if (copy(buffer, map, length)) {
		verify_own(st->st_ino, offset, length);
	}
	if (below(8) == 0)
		result = msync(map, length, MS_SYNC);
	int error = errno;

	munmap(map, length);
	errno = error;
	return result;
}

static int use_mapping(int fd, const struct stat *st)
{
	off_t size = st->st_size < MOST_OFFSET ? st->st_size : MOST_OFFSET;

	if (size == 0)
		return 0;
	off_t offset = below(size) & -UNIT;
	off_t length = 1 + below(70000);

	return touch_mapping(fd, st, offset, offset + length > size ? size - offset : length);
}

static int use_direct(int fd, const struct stat *st)
{
	off_t offset = random_offset() & -UNIT;
	size_t length = UNIT * (1 + below(16));

	if (!has_direct_io(st))
		return 0;
	if (below(2)) {
		pattern(st->st_ino, offset, length, buffer);
		return pwrite(fd, buffer, length, offset) < 0 ? -1 : 0;
	}
	ssize_t got = pread(fd, buffer, length, offset);

	if (got < 0)
		return -1;
	verify_own(st->st_ino, offset, got);
	return 0;
}

int do_create(void) { return with_file(O_RDWR | O_CREAT, use_write); }
int do_create_exclusively(void) { return with_file(O_RDWR | O_CREAT | O_EXCL, use_write); }
int do_write(void) { return with_file(O_RDWR, use_write); }
int do_truncate(void) { return with_file(O_RDWR, use_truncate); }
int do_allocate(void) { return with_file(O_RDWR, use_allocate); }
int do_sync(void) { return with_file(O_RDWR, use_sync); }
int do_read(void) { return with_file(O_RDONLY, use_read); }
int do_map(void) { return with_file(O_RDWR, use_mapping); }
int do_direct(void) { return with_file(O_RDWR | O_DIRECT, use_direct); }

int do_tmpfile(void)
{
	struct stat st;
	char link[64];
	int fd = open(random_directory(first_path), O_TMPFILE | O_RDWR | O_CLOEXEC, 0644);

	if (fd < 0)
		return -1;
	int result = fstat(fd, &st);

	if (result == 0)
		result = use_write(fd, &st);
	sprintf(link, "/proc/self/fd/%d", fd);
	if (result == 0 && below(2))
		result = linkat(AT_FDCWD, link, AT_FDCWD, random_path(second_path), AT_SYMLINK_FOLLOW);
	int error = errno;

	close(fd);
	errno = error;
	return result;
}
