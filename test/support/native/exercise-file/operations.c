#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "exercise-file.h"

static void op_write(struct file *file)
{
	off_t offset, length;

	range(file, 1, &offset, &length);
	if (below(8) == 0 && file->size + length <= file->most)
		offset = file->size;
	note("%s write %lld+%lld", file->name, (long long)offset, (long long)length);
	if (length <= 0)
		return;
	const unsigned char *data = data_of(length);

	if (pwrite(file->fd, data, length, file->base + offset) != length)
		fail(file, "write: %s", strerror(errno));
	filled(file, offset, data, length);
}

static void op_direct_write(struct file *file)
{
	off_t offset, length;

	range(file, SECTOR, &offset, &length);
	note("%s direct write %lld+%lld", file->name, (long long)offset, (long long)length);
	if (length <= 0)
		return;
	memcpy(buffer, data_of(length), length);
	if (pwrite(file->direct, buffer, length, file->base + offset) != length)
		fail(file, "direct write: %s", strerror(errno));
	filled(file, offset, buffer, length);
}

static void read_with(struct file *file, int fd, off_t alignment, const char *how)
{
	off_t offset, length, expected;

	range(file, alignment, &offset, &length);
	note("%s %s %lld+%lld", file->name, how, (long long)offset, (long long)length);
	if (length <= 0)
		return;
	expected = offset >= file->size ? 0 : file->size - offset < length ? file->size - offset : length;
	memset(buffer, 0xcc, length);
	ssize_t got = pread(fd, buffer, length, file->base + offset);

	if (got != expected)
		fail(file, "%s of %lld at %lld gave %zd (%s), should give %lld", how, (long long)length, (long long)offset, got,
		     got < 0 ? strerror(errno) : "", (long long)expected);
	compare(file, buffer, offset, expected, how);
}

static void op_read(struct file *file)
{
	read_with(file, file->fd, 1, "read");
}

static void op_direct_read(struct file *file)
{
	read_with(file, file->direct, SECTOR, "direct read");
}

/* What lies before the data is a hole, unless all is cut off. */
static void op_read_before(struct file *file)
{
	note("%s read before its data", file->name);
	if (file->base == 0 || file->size == 0)
		return;
	off_t at = below(file->base - PAGE);

	must(file, "read before the data", pread(file->fd, buffer, PAGE, at) == PAGE);
	for (int i = 0; i < PAGE; i++)
		if (buffer[i] != 0)
			fail(file, "byte %lld, in a hole, is %02x", (long long)(at + i), buffer[i]);
}

static void op_map(struct file *file)
{
	off_t offset, length;
	int writes = below(3) != 0;

	range(file, 1, &offset, &length);
	if (offset + length > file->size)
		length = file->size - offset;
	note("%s mapped %s %lld+%lld", file->name, writes ? "write" : "read", (long long)offset, (long long)length);
	if (length <= 0)
		return;
	off_t from = offset - offset % PAGE, to = offset + length, tail = (PAGE - to % PAGE) % PAGE;
	unsigned char *map = mmap(NULL, to - from, PROT_READ | (writes ? PROT_WRITE : 0), MAP_SHARED, file->fd, file->base + from);

	must(file, "mmap", map != MAP_FAILED);
	compare(file, map + (offset - from), offset, length, "mapped read");
	for (off_t i = 0; to == file->size && i < tail; i++)
		if (map[to - from + i] != 0)
			fail(file, "byte %lld of the last page, beyond the end, is %02x", (long long)(to + i), map[to - from + i]);
	if (writes) {
		const unsigned char *data = data_of(length);

		memcpy(map + (offset - from), data, length);
		filled(file, offset, data, length);
		if (below(4) == 0)
			must(file, "msync", msync(map, to - from, MS_SYNC) == 0);
	}
	must(file, "munmap", munmap(map, to - from) == 0);
}

static void op_truncate(struct file *file)
{
	off_t size = below(6) == 0 ? 0 : below(4) == 0 ? below(file->most < PAGE ? file->most : PAGE) : below(file->most);

	note("%s truncate %lld -> %lld", file->name, (long long)file->size, (long long)size);
	resized(file, size);
	must(file, "ftruncate", ftruncate(file->fd, end_of(file)) == 0);
}

static void allocate(struct file *file, int mode, const char *what)
{
	off_t offset, length;

	range(file, 1, &offset, &length);
	note("%s %s %lld+%lld", file->name, what, (long long)offset, (long long)length);
	if (length <= 0)
		return;
	int result = fallocate(file->fd, mode, file->base + offset, length);

	if (mode & FALLOC_FL_ZERO_RANGE ? no_zeroing || !extents : !extents && !(mode & FALLOC_FL_PUNCH_HOLE)) {
		if (result == 0 || errno != EOPNOTSUPP)
			fail(file, "%s of a file that has none: %s", what, result == 0 ? "done" : strerror(errno));
		return;
	}
	must(file, what, result == 0);
	if (!(mode & FALLOC_FL_KEEP_SIZE) && offset + length > file->size)
		file->size = offset + length;
	if (mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE)) {
		off_t end = offset + length < file->size ? offset + length : file->size;

		if (offset < end)
			memset(file->model + offset, 0, end - offset);
	}
}

static void op_allocate(struct file *file)
{
	allocate(file, 0, "allocate");
}

static void op_keep_size(struct file *file)
{
	allocate(file, FALLOC_FL_KEEP_SIZE, "allocate, keep size");
}

static void op_punch(struct file *file)
{
	allocate(file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, "punch");
}

static void op_zero(struct file *file)
{
	if (below(2))
		allocate(file, FALLOC_FL_ZERO_RANGE, "zero");
	else
		allocate(file, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, "zero, keep size");
}

static void op_collapse(struct file *file)
{
	int mode = below(2) ? FALLOC_FL_COLLAPSE_RANGE : FALLOC_FL_INSERT_RANGE;

	note("%s collapse or insert", file->name);
	if (collapse)
		return;
	if (fallocate(file->fd, mode, 0, 65536) == 0 || errno != EOPNOTSUPP)
		fail(file, "mode %x is not refused with EOPNOTSUPP but: %s", mode, strerror(errno));
}

static void op_copy(struct file *file)
{
	struct file *source = &files[below(FILES)];
	off_t offset, length, from;

	range(file, 1, &offset, &length);
	if (length > source->size)
		length = source->size;
	from = below(source->size - length + 1);
	if (below(3) == 0)
		from -= from % PAGE, offset -= offset % PAGE;
	note("%s copy %lld+%lld from %s %lld", file->name, (long long)offset, (long long)length, source->name, (long long)from);
	if (length <= 0 || (source == file && from < offset + length && offset < from + length))
		return;
	for (off_t done = 0; done < length;) {
		off_t in = source->base + from + done, out = file->base + offset + done;
		ssize_t copied = copy_file_range(source->fd, &in, file->fd, &out, length - done, 0);

		if (copied <= 0)
			fail(file, "copy_file_range gave %zd after %lld: %s", copied, (long long)done, strerror(errno));
		done += copied;
	}
	filled(file, offset, source->model + from, length);
}

static void op_sync(struct file *file)
{
	int data = below(2);

	note("%s %s", file->name, data ? "fdatasync" : "fsync");
	must(file, "fsync", (data ? fdatasync(file->fd) : fsync(file->fd)) == 0);
}

static void op_forget(struct file *file)
{
	note("%s leaves the cache", file->name);
	must(file, "fsync", fsync(file->fd) == 0);
	must(file, "posix_fadvise", posix_fadvise(file->fd, 0, 0, POSIX_FADV_DONTNEED) == 0);
	if (below(8) != 0)
		return;
	int fd = open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC);

	if (fd >= 0 && write(fd, "3", 1) != 1)
		fail(file, "drop_caches: %s", strerror(errno));
	close(fd);
}

static void op_reopen(struct file *file)
{
	note("%s reopen", file->name);
	close_file(file);
	open_file(file);
}

static void op_recreate(struct file *file)
{
	note("%s unlink and create", file->name);
	must(file, "unlink", unlink(file->name) == 0);
	if (below(2)) {
		/* Goes on living without a name for a moment. */
		op_write(file);
		op_read(file);
	}
	close_file(file);
	resized(file, 0);
	file->attribute = 0;
	open_file(file);
}

/* Attributes and inline data share the inode's room. */
static void op_attribute(struct file *file)
{
	char value[256];
	int size = file->attribute == 0 || below(2) ? 1 + below(200) : 0;

	note("%s attribute of %d", file->name, size);
	if (file->attribute > 0) {
		ssize_t got = fgetxattr(file->fd, "user.exercise", value, sizeof(value));

		if (got != file->attribute)
			fail(file, "the attribute has %zd bytes (%s), should have %d", got, strerror(errno), file->attribute);
		for (int i = 0; i < got; i++)
			if (value[i] != (char)(got + i))
				fail(file, "the attribute's byte %d is %02x", i, value[i]);
	}
	for (int i = 0; i < size; i++)
		value[i] = size + i;
	must(file, "xattr", (size > 0 ? fsetxattr(file->fd, "user.exercise", value, size, 0) : fremovexattr(file->fd, "user.exercise")) == 0);
	file->attribute = size;
}

static void op_stat(struct file *file)
{
	struct stat st;

	note("%s stat", file->name);
	must(file, "stat", (below(2) ? fstat(file->fd, &st) : stat(file->name, &st)) == 0);
	if (st.st_size != end_of(file))
		fail(file, "the size is %lld, should be %lld", (long long)st.st_size, (long long)end_of(file));
}

/* Where SEEK_DATA and SEEK_HOLE see a hole there are zeros. */
static void op_seek(struct file *file)
{
	off_t end = end_of(file), at = below(2) ? 0 : below(end);

	note("%s seek", file->name);
	for (int runs = 0; at < end && runs < 3000; runs++) {
		off_t data = lseek(file->fd, at, SEEK_DATA);

		if (data < 0 && errno == ENXIO)
			data = end;
		must(file, "SEEK_DATA", data >= at);
		for (off_t i = at < file->base ? file->base : at; i < data; i++)
			if (file->model[i - file->base] != 0)
				fail(file, "%lld is said to be in a hole", (long long)(i - file->base));
		if (data >= end)
			return;
		at = lseek(file->fd, data, SEEK_HOLE);
		must(file, "SEEK_HOLE", at >= data);
		/* The kernel's own driver counts cached pages of unwritten blocks as data, and may write them in between. */
		if (at == data && collapse)
			at += PAGE;
		if (at == data)
			fail(file, "data and a hole at %lld", (long long)data);
	}
}

static const struct {
	int weight;
	void (*run)(struct file *);
} operations[] = {
	{ 120, op_write },  { 50, op_direct_write }, { 120, op_read },   { 50, op_direct_read }, { 6, op_read_before },
	{ 80, op_map },	    { 50, op_truncate },     { 30, op_allocate }, { 25, op_keep_size },	  { 50, op_punch },
	{ 50, op_zero },    { 4, op_collapse },	     { 50, op_copy },	 { 10, op_sync },	  { 4, op_forget },
	{ 10, op_reopen },  { 4, op_recreate },	     { 15, op_attribute }, { 20, op_stat },	  { 20, op_seek },
};

void step(void)
{
	int sum = 0, choice;
	struct file *file = &files[below(FILES)];

	for (size_t i = 0; i < sizeof(operations) / sizeof(*operations); i++)
		sum += operations[i].weight;
	choice = below(sum);
	for (size_t i = 0;; i++) {
		if (choice < operations[i].weight) {
			operations[i].run(file);
			return;
		}
		choice -= operations[i].weight;
	}
}
