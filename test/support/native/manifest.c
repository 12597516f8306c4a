/*
 * Prints everything that a filesystem shows about every path below a directory, or one file: one line a path,
 * fields parted by tabs, "key=value". Bytes that are not printable, and '%', are written %XX; so
 * names are what is on disk and not what some encoding makes of them.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>
#include "sha256.h"

/* Larger files are hashed where they have data, and sampled where they have none. */
#define HASH_WHOLE_UP_TO (64LL << 20)
/* Terabytes of data in a small image are a mistake of SEEK_DATA. */
#define HASH_AT_MOST (4LL << 30)

static char buffer[1 << 20];
static int with_flags;

struct path {
	const struct path *parent;
	const char *name;
};

static void die(const char *what)
{
	fprintf(stderr, "manifest: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void print_bytes(const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		unsigned char c = bytes[i];

		if (c > ' ' && c < 0x7f && c != '%')
			putchar(c);
		else
			printf("%%%02X", c);
	}
}

static void print_path(const struct path *path)
{
	if (path->parent) {
		print_path(path->parent);
		putchar('/');
	}
	print_bytes(path->name, strlen(path->name));
}

static void print_digest(const void *data, size_t length)
{
	struct sha256 hash;
	uint8_t digest[32];

	sha256_start(&hash);
	sha256_add(&hash, data, length);
	sha256_finish(&hash, digest);
	for (int i = 0; i < 32; i++)
		printf("%02x", digest[i]);
}

static void print_error(const char *key)
{
	printf("\t%s=%s", key, strerrorname_np(errno));
}

static void print_time(const char *key, struct statx_timestamp time)
{
	printf("\t%s=%lld.%09u", key, (long long)time.tv_sec, time.tv_nsec);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void print_xattrs(const char *name)
{
	static char list[1 << 16], value[1 << 16];
	char *names[4096];
	size_t count = 0;
	ssize_t length = llistxattr(name, list, sizeof(list));

	if (length < 0) {
		print_error("xattrs");
		return;
	}
	for (char *p = list; p < list + length && count < 4096; p += strlen(p) + 1)
		names[count++] = p;
	qsort(names, count, sizeof(*names), compare_names);
	for (size_t i = 0; i < count; i++) {
		ssize_t size = lgetxattr(name, names[i], value, sizeof(value));

		printf("\txattr:");
		print_bytes(names[i], strlen(names[i]));
		putchar('=');
		if (size < 0) {
			printf("%s", strerrorname_np(errno));
		} else if (size <= 64) {
			print_bytes(value, size);
		} else {
			printf("%zd:", size);
			print_digest(value, size);
		}
	}
}

static int add_range(struct sha256 *hash, int fd, off_t from, off_t to)
{
	while (from < to) {
		if (hash->length > HASH_AT_MOST) {
			errno = EFBIG;
			return -1;
		}
		size_t want = to - from < (off_t)sizeof(buffer) ? (size_t)(to - from) : sizeof(buffer);
		ssize_t got = pread(fd, buffer, want, from);

		if (got < 0)
			return -1;
		if (got == 0)
			break;
		sha256_add(hash, buffer, got);
		from += got;
	}
	return 0;
}

struct run {
	off_t start, end;
};

/*
 * The runs of data, as SEEK_DATA and SEEK_HOLE tell; -1 and errno where they fail. Asked before
 * anything is read: the kernel counts unwritten blocks as data once they are in the page cache.
 */
static ssize_t find_runs(int fd, off_t size, struct run **runs)
{
	ssize_t count = 0;

	*runs = NULL;
	for (off_t at = 0; at < size; at = (*runs)[count++].end) {
		off_t data = lseek(fd, at, SEEK_DATA);

		if (data < 0)
			return errno == ENXIO ? count : -1;
		off_t hole = lseek(fd, data, SEEK_HOLE);

		if (hole < 0)
			return -1;
		if (hole <= data || data < at) {
			errno = ELOOP;
			return -1;
		}
		*runs = reallocarray(*runs, count + 1, sizeof(**runs));
		(*runs)[count] = (struct run){ data, hole };
	}
	return count;
}

static void print_runs(const struct run *runs, ssize_t count)
{
	if (count < 0) {
		print_error("map");
		return;
	}
	printf("\tmap=");
	for (ssize_t i = 0; i < count; i++)
		printf("%s%lld+%lld", i ? "," : "", (long long)runs[i].start, (long long)(runs[i].end - runs[i].start));
}

/* Adds those pages that are not all zeros, with their place: however large the holes between are. */
static int add_pages(struct sha256 *hash, int fd, off_t from, off_t to)
{
	static const char zeros[4096];

	for (from -= from % 4096; from < to; from += 4096) {
		ssize_t got = pread(fd, buffer, 4096, from);

		if (got < 0)
			return -1;
		if (hash->length > HASH_AT_MOST) {
			errno = EFBIG;
			return -1;
		}
		if (memcmp(buffer, zeros, got) == 0)
			continue;
		sha256_add(hash, &from, sizeof(from));
		sha256_add(hash, buffer, got);
	}
	return 0;
}

/* The data, and a page at each end of the holes between. */
static int add_runs(struct sha256 *hash, int fd, off_t size, const struct run *runs, ssize_t count)
{
	off_t at = 0;

	for (ssize_t i = 0; i < count; at = runs[i++].end) {
		off_t start = runs[i].start, end = runs[i].end < size ? runs[i].end : size;

		if (start - at > 8192 && (add_pages(hash, fd, at, at + 4096) || add_pages(hash, fd, start - 4096, start)))
			return -1;
		if (add_pages(hash, fd, start, end))
			return -1;
	}
	return 0;
}

static void print_contents(const char *name, off_t size)
{
	struct run *runs;
	struct sha256 hash;
	uint8_t digest[32];
	int fd = open(name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0) {
		print_error("sha256");
		return;
	}
	ssize_t count = find_runs(fd, size, &runs);

	print_runs(runs, count);
	sha256_start(&hash);
	if (size <= HASH_WHOLE_UP_TO ? add_range(&hash, fd, 0, size + 1) : add_runs(&hash, fd, size, runs, count)) {
		print_error("sha256");
	} else {
		sha256_finish(&hash, digest);
		printf("\tsha256=");
		for (int i = 0; i < 32; i++)
			printf("%02x", digest[i]);
	}
	free(runs);
	close(fd);
}

static void print_flags(const char *name)
{
	struct fsxattr attributes;
	int flags, fd = open(name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return;
	if (ioctl(fd, FS_IOC_GETFLAGS, &flags) == 0)
		printf("\tflags=%x", flags);
	if (ioctl(fd, FS_IOC_FSGETXATTR, &attributes) == 0)
		printf("\tproject=%u", attributes.fsx_projid);
	close(fd);
}

static const char *type_name(unsigned mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG: return "file";
	case S_IFDIR: return "directory";
	case S_IFLNK: return "symlink";
	case S_IFCHR: return "character";
	case S_IFBLK: return "block";
	case S_IFIFO: return "fifo";
	case S_IFSOCK: return "socket";
	default: return "unknown";
	}
}

static void walk(const struct path *path, int fd);

static void print_entry(const struct path *path, const char *name, const struct dirent *entry)
{
	struct statx st;
	unsigned type;

	print_path(path);
	if (statx(AT_FDCWD, name, AT_SYMLINK_NOFOLLOW, STATX_BASIC_STATS | STATX_BTIME, &st) != 0) {
		print_error("stat");
		putchar('\n');
		return;
	}
	type = st.stx_mode & S_IFMT;
	printf("\ttype=%s\tino=%llu\tmode=%o\tuid=%u\tgid=%u\tnlink=%u", type_name(type), (unsigned long long)st.stx_ino,
	       st.stx_mode & 07777, st.stx_uid, st.stx_gid, st.stx_nlink);
	printf("\tsize=%llu\tblocks=%llu\tblksize=%u", (unsigned long long)st.stx_size, (unsigned long long)st.stx_blocks,
	       st.stx_blksize);
	if (entry && entry->d_ino != st.stx_ino)
		printf("\treaddir-ino=%llu", (unsigned long long)entry->d_ino);
	if (entry)
		printf("\treaddir-type=%s", type_name(DTTOIF(entry->d_type)));
	if (type == S_IFCHR || type == S_IFBLK)
		printf("\trdev=%u:%u", st.stx_rdev_major, st.stx_rdev_minor);
	print_time("mtime", st.stx_mtime);
	print_time("ctime", st.stx_ctime);
	print_time("atime", st.stx_atime);
	if (st.stx_mask & STATX_BTIME)
		print_time("btime", st.stx_btime);
	print_xattrs(name);
	if (with_flags && (type == S_IFREG || type == S_IFDIR))
		print_flags(name);
	if (type == S_IFREG)
		print_contents(name, st.stx_size);
	if (type == S_IFLNK) {
		ssize_t length = readlink(name, buffer, sizeof(buffer));

		if (length < 0) {
			print_error("target");
		} else {
			printf("\ttarget=");
			print_bytes(buffer, length);
		}
	}
	if (type == S_IFDIR) {
		int fd = open(name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

		if (fd < 0)
			print_error("entries");
		else
			walk(path, fd);
		return;
	}
	putchar('\n');
}

static int compare_entries(const void *a, const void *b)
{
	return strcmp((*(struct dirent *const *)a)->d_name, (*(struct dirent *const *)b)->d_name);
}

/* Ends the directory's own line, then prints what is in it. Works from the current directory, so that no path gets too long. */
static void walk(const struct path *path, int fd)
{
	struct dirent **entries = NULL, *entry;
	size_t count = 0, room = 0;
	DIR *stream = fdopendir(fd);

	if (!stream)
		die("fdopendir");
	while (errno = 0, (entry = readdir(stream))) {
		if (count == room && !(entries = reallocarray(entries, room = 2 * room + 64, sizeof(*entries))))
			die("reallocarray");
		entries[count] = malloc(entry->d_reclen);
		memcpy(entries[count++], entry, entry->d_reclen);
	}
	if (errno)
		print_error("readdir");
	qsort(entries, count, sizeof(*entries), compare_entries);
	printf("\tentries=%zu\n", count);
	for (size_t i = 0; i < count; i++) {
		struct path below = { path, entries[i]->d_name };

		if (fchdir(fd) != 0)
			die("fchdir");
		if (strcmp(below.name, ".") != 0 && strcmp(below.name, "..") != 0)
			print_entry(&below, below.name, entries[i]);
		free(entries[i]);
	}
	free(entries);
	closedir(stream);
}

int main(int argc, char **argv)
{
	struct path root = { NULL, "." };
	struct rlimit files = { 65536, 65536 };

	if (argc == 3 && strcmp(argv[1], "--flags") == 0)
		with_flags = 1;
	else if (argc != 2)
		return fprintf(stderr, "usage: manifest [--flags] DIRECTORY|FILE\n"), 2;
	setrlimit(RLIMIT_NOFILE, &files);
	if (chdir(argv[argc - 1]) == 0)
		print_entry(&root, ".", NULL);
	else if (errno == ENOTDIR)
		print_entry(&root, argv[argc - 1], NULL);
	else
		die(argv[argc - 1]);
	return fflush(stdout) == 0 ? 0 : 1;
}
