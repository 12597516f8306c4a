/* The data of files. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <unistd.h>

#include "syscalls.h"

static void do_truncate(struct call *c) { result(truncate(text(c, 1), number(c, 2))); }
static void do_ftruncate(struct call *c) { result(ftruncate(slot(c, 1), number(c, 2))); }

static void do_read(struct call *c)
{
	ssize_t n = result(read(slot(c, 1), buffer, number(c, 2)));

	if (n > 0)
		show_bytes(buffer, n);
}

static void do_pread(struct call *c)
{
	ssize_t n = result(pread(slot(c, 1), buffer, number(c, 3), number(c, 2)));

	if (n > 0)
		show_bytes(buffer, n);
}

static void do_write(struct call *c) { size_t n = data(c, 2, buffer); result(write(slot(c, 1), buffer, n)); }
static void do_pwrite(struct call *c) { size_t n = data(c, 3, buffer); result(pwrite(slot(c, 1), buffer, n, number(c, 2))); }

static void do_pwritev(struct call *c)
{
	struct iovec parts[MOST_WORDS];
	size_t used = 0;
	int count = 0;

	for (int i = 3; i < c->count; i++) {
		parts[count].iov_base = buffer + used;
		parts[count].iov_len = data(c, i, buffer + used);
		used += parts[count++].iov_len;
	}
	result(pwritev(slot(c, 1), parts, count, number(c, 2)));
}

static void do_lseek(struct call *c) { result(lseek(slot(c, 1), number(c, 2), mask(c, 3))); }
static void do_fallocate(struct call *c) { result(fallocate(slot(c, 1), mask(c, 2), number(c, 3), number(c, 4))); }

static void do_copy(struct call *c)
{
	off64_t in = number(c, 2), out = number(c, 4);

	result(copy_file_range(slot(c, 1), &in, slot(c, 3), &out, number(c, 5), 0));
}

static void do_sendfile(struct call *c)
{
	off_t in = number(c, 3);

	result(sendfile(slot(c, 1), slot(c, 2), &in, number(c, 4)));
}

static void do_fsync(struct call *c) { result(fsync(slot(c, 1))); }
static void do_fdatasync(struct call *c) { result(fdatasync(slot(c, 1))); }
static void do_syncfs(struct call *c) { result(syncfs(slot(c, 1))); }
static void do_fadvise(struct call *c) { result(posix_fadvise(slot(c, 1), 0, 0, POSIX_FADV_DONTNEED)); }

static void do_mmapread(struct call *c)
{
	size_t length = number(c, 3);
	void *map = mmap(NULL, length, PROT_READ, MAP_SHARED, slot(c, 1), number(c, 2));

	if (map == MAP_FAILED) {
		failed();
		return;
	}
	show_bytes(map, length);
	munmap(map, length);
}

static void map_and_write(struct call *c, int sharing)
{
	size_t length = data(c, 3, buffer);
	void *map = mmap(NULL, length, PROT_READ | PROT_WRITE, sharing, slot(c, 1), number(c, 2));

	if (map == MAP_FAILED) {
		failed();
		return;
	}
	memcpy(map, buffer, length);
	result(sharing == MAP_SHARED ? msync(map, length, MS_SYNC) : 0);
	munmap(map, length);
}

static void do_mmapwrite(struct call *c) { map_and_write(c, MAP_SHARED); }
static void do_mmapprivate(struct call *c) { map_and_write(c, MAP_PRIVATE); }

const struct operation content_calls[] = {
	{ "truncate", do_truncate }, { "ftruncate", do_ftruncate }, { "read", do_read }, { "pread", do_pread },
	{ "write", do_write }, { "pwrite", do_pwrite }, { "pwritev", do_pwritev }, { "lseek", do_lseek },
	{ "fallocate", do_fallocate }, { "copy", do_copy }, { "sendfile", do_sendfile }, { "fsync", do_fsync },
	{ "fdatasync", do_fdatasync }, { "syncfs", do_syncfs }, { "fadvise", do_fadvise },
	{ "mmapread", do_mmapread }, { "mmapwrite", do_mmapwrite }, { "mmapprivate", do_mmapprivate },
	{ NULL, NULL },
};
