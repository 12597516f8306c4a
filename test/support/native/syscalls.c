/*
 * Runs short sequences of system calls and prints what each returned, one line a call. Read from
 * stdin: "case NAME", a line for each call, "end". Each case runs in a process and in a directory
 * of its own below argv[1]. Words are parted by spaces; %XX stands for a byte, "" for nothing.
 * Times are never printed as they are, only how they stand to those seen before.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#define MOST_WORDS 16
#define MOST_LINES 4096
#define SLOTS 32
#define MOST_INODES 256
#define BUFFER (8 << 20)
#define SECONDS_PER_CASE 120

struct call {
	char *word[MOST_WORDS];
	int count;
};

static int slots[SLOTS];
static DIR *directories[SLOTS];
static long positions[SLOTS];
static struct stat seen[MOST_INODES];
static int seen_count;
static struct timespec start;
/* Set once times were shown: what is called next must not have the same. */
static int times_shown;
static unsigned char *buffer;

static void dispatch(struct call *call);

/* Words */

static int hex(char c)
{
	return c <= '9' ? c - '0' : (c | 32) - 'a' + 10;
}

static char *decode(char *word)
{
	char *from = word, *to = word;

	if (strcmp(word, "\"\"") == 0)
		return word + 2;
	while (*from) {
		if (*from == '%') {
			*to++ = hex(from[1]) << 4 | hex(from[2]);
			from += 3;
		} else {
			*to++ = *from++;
		}
	}
	*to = 0;
	return word;
}

static void split(char *line, struct call *call)
{
	char *rest = line, *word;

	call->count = 0;
	while ((word = strsep(&rest, " ")) && call->count < MOST_WORDS)
		call->word[call->count++] = decode(word);
}

static char *text(struct call *call, int index)
{
	static char nothing[1];

	return index < call->count ? call->word[index] : nothing;
}

static long long number(struct call *call, int index)
{
	return strtoll(text(call, index), NULL, 0);
}

static mode_t octal(struct call *call, int index)
{
	return strtoul(text(call, index), NULL, 8);
}

static int slot(struct call *call, int index)
{
	int which = number(call, index);

	return which == -1 ? AT_FDCWD : slots[which % SLOTS];
}

struct flag {
	const char *name;
	int value;
};

static const struct flag flags[] = {
	{ "RDONLY", O_RDONLY }, { "WRONLY", O_WRONLY }, { "RDWR", O_RDWR }, { "CREAT", O_CREAT },
	{ "EXCL", O_EXCL }, { "TRUNC", O_TRUNC }, { "APPEND", O_APPEND }, { "DIRECTORY", O_DIRECTORY },
	{ "NOFOLLOW", O_NOFOLLOW }, { "TMPFILE", O_TMPFILE }, { "PATH", O_PATH }, { "NONBLOCK", O_NONBLOCK },
	{ "SYNC", O_SYNC }, { "DSYNC", O_DSYNC }, { "DIRECT", O_DIRECT }, { "NOATIME", O_NOATIME }, { "NOCTTY", O_NOCTTY },
	{ "NOREPLACE", 1 }, { "EXCHANGE", 2 }, { "WHITEOUT", 4 },
	{ "KEEP_SIZE", 1 }, { "PUNCH_HOLE", 2 }, { "COLLAPSE_RANGE", 8 }, { "ZERO_RANGE", 16 }, { "INSERT_RANGE", 32 }, { "UNSHARE_RANGE", 64 },
	{ "SET", SEEK_SET }, { "CUR", SEEK_CUR }, { "END", SEEK_END }, { "DATA", SEEK_DATA }, { "HOLE", SEEK_HOLE },
	{ "SH", LOCK_SH }, { "EX", LOCK_EX }, { "UN", LOCK_UN }, { "NB", LOCK_NB },
	{ "RDLCK", F_RDLCK }, { "WRLCK", F_WRLCK }, { "UNLCK", F_UNLCK },
	{ "R", R_OK }, { "W", W_OK }, { "X", X_OK }, { "F", F_OK },
	{ "XCREATE", XATTR_CREATE }, { "XREPLACE", XATTR_REPLACE },
	{ "0", 0 },
};

static int mask(struct call *call, int index)
{
	char copy[256], *rest = copy, *word;
	int value = 0;

	snprintf(copy, sizeof(copy), "%s", text(call, index));
	while ((word = strsep(&rest, "|"))) {
		size_t i;

		for (i = 0; i < sizeof(flags) / sizeof(flags[0]) && strcmp(flags[i].name, word); i++)
			;
		if (i < sizeof(flags) / sizeof(flags[0]))
			value |= flags[i].value;
		else
			value |= strtol(word, NULL, 0);
	}
	return value;
}

/* Data: "*N" is N bytes of a pattern, anything else itself. */
static size_t data(struct call *call, int index, unsigned char *into)
{
	const char *word = text(call, index);
	size_t length;

	if (*word != '*') {
		length = strlen(word);
		memcpy(into, word, length);
		return length;
	}
	length = strtoul(word + 1, NULL, 0);
	for (size_t i = 0; i < length && i < BUFFER; i++)
		into[i] = 'a' + (i * 7 + i / 251) % 26;
	return length < BUFFER ? length : BUFFER;
}

/* Results */

static void failed(void)
{
	printf(" %s", strerrorname_np(errno));
}

static long result(long value)
{
	if (value < 0)
		failed();
	else
		printf(" %ld", value);
	return value;
}

static void show_bytes(const unsigned char *bytes, size_t length)
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

static void stat_result(int value, const struct stat *found)
{
	if (value < 0)
		failed();
	else
		show_stat(found);
}

/* Calls */

static void keep(struct call *call, int descriptor)
{
	if (descriptor < 0) {
		failed();
		return;
	}
	slots[number(call, 1) % SLOTS] = descriptor;
	printf(" ok");
}

static void do_open(struct call *c) { keep(c, open(text(c, 2), mask(c, 3), octal(c, 4))); }
static void do_openat(struct call *c) { keep(c, openat(slot(c, 2), text(c, 3), mask(c, 4), octal(c, 5))); }
static void do_close(struct call *c) { result(close(slot(c, 1))); }
static void do_mkdir(struct call *c) { result(mkdir(text(c, 1), octal(c, 2))); }
static void do_unlink(struct call *c) { result(unlink(text(c, 1))); }
static void do_unlinkat(struct call *c) { result(unlinkat(slot(c, 1), text(c, 2), number(c, 3) ? AT_REMOVEDIR : 0)); }
static void do_rmdir(struct call *c) { result(rmdir(text(c, 1))); }
static void do_symlink(struct call *c) { result(symlink(text(c, 1), text(c, 2))); }
static void do_link(struct call *c) { result(link(text(c, 1), text(c, 2))); }
static void do_linkfollow(struct call *c) { result(linkat(AT_FDCWD, text(c, 1), AT_FDCWD, text(c, 2), AT_SYMLINK_FOLLOW)); }
static void do_linkempty(struct call *c) { result(linkat(slot(c, 1), "", AT_FDCWD, text(c, 2), AT_EMPTY_PATH)); }
static void do_rename(struct call *c) { result(rename(text(c, 1), text(c, 2))); }
static void do_rename2(struct call *c) { result(renameat2(AT_FDCWD, text(c, 1), AT_FDCWD, text(c, 2), mask(c, 3))); }
static void do_chmod(struct call *c) { result(chmod(text(c, 1), octal(c, 2))); }
static void do_fchmod(struct call *c) { result(fchmod(slot(c, 1), octal(c, 2))); }
static void do_chown(struct call *c) { result(chown(text(c, 1), number(c, 2), number(c, 3))); }
static void do_lchown(struct call *c) { result(lchown(text(c, 1), number(c, 2), number(c, 3))); }
static void do_fchown(struct call *c) { result(fchown(slot(c, 1), number(c, 2), number(c, 3))); }
static void do_truncate(struct call *c) { result(truncate(text(c, 1), number(c, 2))); }
static void do_ftruncate(struct call *c) { result(ftruncate(slot(c, 1), number(c, 2))); }
static void do_write(struct call *c) { size_t n = data(c, 2, buffer); result(write(slot(c, 1), buffer, n)); }
static void do_pwrite(struct call *c) { size_t n = data(c, 3, buffer); result(pwrite(slot(c, 1), buffer, n, number(c, 2))); }
static void do_lseek(struct call *c) { result(lseek(slot(c, 1), number(c, 2), mask(c, 3))); }
static void do_fallocate(struct call *c) { result(fallocate(slot(c, 1), mask(c, 2), number(c, 3), number(c, 4))); }
static void do_fsync(struct call *c) { result(fsync(slot(c, 1))); }
static void do_fdatasync(struct call *c) { result(fdatasync(slot(c, 1))); }
static void do_syncfs(struct call *c) { result(syncfs(slot(c, 1))); }
static void do_access(struct call *c) { result(faccessat(AT_FDCWD, text(c, 1), mask(c, 2), AT_EACCESS)); }
static void do_chdir(struct call *c) { result(chdir(text(c, 1))); }
static void do_fchdir(struct call *c) { result(fchdir(slot(c, 1))); }
static void do_umask(struct call *c) { result(umask(octal(c, 1))); }
static void do_flock(struct call *c) { result(flock(slot(c, 1), mask(c, 2))); }
static void do_stat(struct call *c) { struct stat s; stat_result(stat(text(c, 1), &s), &s); }
static void do_lstat(struct call *c) { struct stat s; stat_result(lstat(text(c, 1), &s), &s); }
static void do_fstat(struct call *c) { struct stat s; stat_result(fstat(slot(c, 1), &s), &s); }
static void do_setxattr(struct call *c) { result(setxattr(text(c, 1), text(c, 2), text(c, 3), strlen(text(c, 3)), mask(c, 4))); }
static void do_removexattr(struct call *c) { result(removexattr(text(c, 1), text(c, 2))); }
static void do_fadvise(struct call *c) { result(posix_fadvise(slot(c, 1), 0, 0, POSIX_FADV_DONTNEED)); }

static void do_dup(struct call *c)
{
	int copy = dup(slot(c, 2));

	keep(c, copy);
}

static void do_getxattr(struct call *c)
{
	ssize_t n = result(getxattr(text(c, 1), text(c, 2), buffer, 65536));

	if (n > 0)
		show_bytes(buffer, n);
}

static void do_linkfd(struct call *c)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", slot(c, 1));
	result(linkat(AT_FDCWD, path, AT_FDCWD, text(c, 2), AT_SYMLINK_FOLLOW));
}

static void do_mknod(struct call *c)
{
	static const char letters[] = "fpscbdl";
	static const mode_t types[] = { S_IFREG, S_IFIFO, S_IFSOCK, S_IFCHR, S_IFBLK, S_IFDIR, S_IFLNK };
	const char *letter = strchr(letters, *text(c, 2));
	mode_t type = letter ? types[letter - letters] : 0;

	result(mknod(text(c, 1), type | octal(c, 3), makedev(number(c, 4), number(c, 5))));
}

static void do_readlink(struct call *c)
{
	ssize_t n = readlink(text(c, 1), (char *)buffer, 8192);

	if (result(n) > 0)
		show_bytes(buffer, n);
}

static void do_bind(struct call *c)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int socket_descriptor = socket(AF_UNIX, SOCK_STREAM, 0);

	strncpy(address.sun_path, text(c, 1), sizeof(address.sun_path) - 1);
	result(bind(socket_descriptor, (struct sockaddr *)&address, sizeof(address)));
	close(socket_descriptor);
}

static void parse_time(const char *word, struct timespec *into)
{
	char *end;

	into->tv_sec = 0;
	if (!strcmp(word, "now") || !strcmp(word, "omit")) {
		into->tv_nsec = *word == 'n' ? UTIME_NOW : UTIME_OMIT;
		return;
	}
	into->tv_sec = strtoll(word, &end, 10);
	into->tv_nsec = *end == '.' ? strtol(end + 1, NULL, 10) : 0;
}

static void do_utimens(struct call *c)
{
	struct timespec times[2];

	parse_time(text(c, 2), &times[0]);
	parse_time(text(c, 3), &times[1]);
	result(utimensat(AT_FDCWD, text(c, 1), times, number(c, 4) ? AT_SYMLINK_NOFOLLOW : 0));
}

static void do_futimens(struct call *c)
{
	struct timespec times[2];

	parse_time(text(c, 2), &times[0]);
	parse_time(text(c, 3), &times[1]);
	result(futimens(slot(c, 1), times));
}

/* Access and modification times as they are: only for times that the case itself has set. */
static void do_times(struct call *c)
{
	struct stat found;

	if (result(lstat(text(c, 1), &found)) == 0)
		printf(" %lld.%09ld %lld.%09ld", (long long)found.st_atim.tv_sec, found.st_atim.tv_nsec, (long long)found.st_mtim.tv_sec,
		       found.st_mtim.tv_nsec);
}

static void do_blocks(struct call *c)
{
	struct stat found;

	if (result(lstat(text(c, 1), &found)) == 0)
		printf(" %lld of 512 by %ld", (long long)found.st_blocks, (long)found.st_blksize);
}

static void do_same(struct call *c)
{
	struct stat one, other;

	if (result(lstat(text(c, 1), &one) | lstat(text(c, 2), &other)) == 0)
		printf(" %s", one.st_ino == other.st_ino && one.st_dev == other.st_dev ? "same" : "different");
}

static void do_samefd(struct call *c)
{
	struct stat one, other;

	if (result(fstat(slot(c, 1), &one) | lstat(text(c, 2), &other)) == 0)
		printf(" %s", one.st_ino == other.st_ino && one.st_dev == other.st_dev ? "same" : "different");
}

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

static int by_name(const struct dirent **one, const struct dirent **other)
{
	return strcmp((*one)->d_name, (*other)->d_name);
}

/* Names in order, their types, and whether d_ino is what lstat(2) says. */
static void do_readdir(struct call *c)
{
	static const char types[] = "?pc?d?b?-?l?s";
	struct dirent **entries;
	int count = scandir(text(c, 1), &entries, NULL, by_name);

	if (result(count) < 0)
		return;
	for (int i = 0; i < count; i++) {
		struct dirent *entry = entries[i];
		struct stat found;
		char path[8192];

		if (count <= 40) {
			printf(" ");
			show_bytes((unsigned char *)entry->d_name, strlen(entry->d_name));
			printf(":%c", entry->d_type < sizeof(types) ? types[entry->d_type] : '!');
		}
		snprintf(path, sizeof(path), "%s/%s", text(c, 1), entry->d_name);
		if (strcmp(entry->d_name, "..") && lstat(path, &found) == 0 && found.st_ino != entry->d_ino)
			printf("!d_ino");
		free(entry);
	}
	free(entries);
}

static void do_opendir(struct call *c)
{
	DIR *directory = opendir(text(c, 2));

	if (!directory) {
		failed();
		return;
	}
	directories[number(c, 1) % SLOTS] = directory;
	printf(" ok");
}

/* The next entry but the dots: where in the order those come is nobody's promise. */
static struct dirent *next_entry(DIR *directory)
{
	struct dirent *entry;

	do {
		entry = readdir(directory);
	} while (entry && (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")));
	return entry;
}

/* How many entries of at most so many it got; with a third word it removes each. */
static void do_dirread(struct call *c)
{
	DIR *directory = directories[number(c, 1) % SLOTS];
	long limit = c->count > 2 ? number(c, 2) : -1, count = 0, unlinked = 0;
	struct dirent *entry;

	errno = 0;
	while (count != limit && (entry = next_entry(directory))) {
		count++;
		if (c->count > 3)
			unlinked += unlinkat(dirfd(directory), entry->d_name, 0) == 0;
	}
	if (errno)
		failed();
	else
		printf(" %ld entries, %ld removed", count, unlinked);
}

/* The name at the position; names come in the same order from both, for the hash seed is the same. */
static void do_dirname(struct call *c)
{
	struct dirent *entry = next_entry(directories[number(c, 1) % SLOTS]);

	if (entry)
		show_bytes((unsigned char *)entry->d_name, strlen(entry->d_name));
	else
		printf(" end");
}

static void do_dirtell(struct call *c)
{
	positions[number(c, 2) % SLOTS] = telldir(directories[number(c, 1) % SLOTS]);
	printf(" ok");
}

static void do_dirseek(struct call *c)
{
	seekdir(directories[number(c, 1) % SLOTS], positions[number(c, 2) % SLOTS]);
	printf(" ok");
}

static void do_dirrewind(struct call *c)
{
	rewinddir(directories[number(c, 1) % SLOTS]);
	printf(" ok");
}

static void do_statfs(struct call *c)
{
	struct statfs found;

	if (result(statfs(text(c, 1), &found)) == 0)
		printf(" block %ld fragment %ld name %ld blocks %lld inodes %lld", (long)found.f_bsize, (long)found.f_frsize,
		       (long)found.f_namelen, (long long)found.f_blocks, (long long)found.f_files);
}

static struct flock lock_of(struct call *c)
{
	struct flock lock = { .l_type = mask(c, 2), .l_whence = SEEK_SET, .l_start = number(c, 3), .l_len = number(c, 4) };

	return lock;
}

static void do_setlk(struct call *c)
{
	struct flock lock = lock_of(c);

	result(fcntl(slot(c, 1), F_SETLK, &lock));
}

static void do_ofdlk(struct call *c)
{
	struct flock lock = lock_of(c);

	result(fcntl(slot(c, 1), F_OFD_SETLK, &lock));
}

static void do_getlk(struct call *c)
{
	struct flock lock = lock_of(c);

	if (result(fcntl(slot(c, 1), F_GETLK, &lock)) == 0)
		printf(" type %d start %lld length %lld", lock.l_type, (long long)lock.l_start, (long long)lock.l_len);
}

/* Effective identity only: the saved one stays root's, to come back with. */
static void do_as(struct call *c)
{
	gid_t groups[MOST_WORDS];
	int count = 0;

	for (int i = 3; i < c->count; i++)
		groups[count++] = number(c, i);
	if (seteuid(0) || setgroups(count, groups) || setegid(number(c, 2)) || seteuid(number(c, 1)))
		failed();
	else
		printf(" ok");
}

static void finish_child(pid_t child)
{
	int status;

	waitpid(child, &status, 0);
	if (WIFSIGNALED(status))
		printf(" signal %d", WTERMSIG(status));
	else if (WEXITSTATUS(status))
		printf(" status %d", WEXITSTATUS(status));
}

/* The call in a process of its own, for locks and for signals. */
static void do_child(struct call *c)
{
	struct call rest = { .count = c->count - 1 };
	pid_t child;

	memcpy(rest.word, c->word + 1, sizeof(char *) * rest.count);
	fflush(stdout);
	child = fork();
	if (child == 0) {
		dispatch(&rest);
		fflush(stdout);
		_exit(0);
	}
	finish_child(child);
}

static void do_exec(struct call *c)
{
	pid_t child;

	fflush(stdout);
	child = fork();
	if (child == 0) {
		char *arguments[] = { text(c, 1), NULL };

		execv(text(c, 1), arguments);
		failed();
		fflush(stdout);
		_exit(1);
	}
	finish_child(child);
}

/* Copies a program in, from outside. */
static void do_install(struct call *c)
{
	int from = open(text(c, 1), O_RDONLY), to = open(text(c, 2), O_WRONLY | O_CREAT | O_EXCL, 0755);
	ssize_t n;

	while ((n = read(from, buffer, BUFFER)) > 0 && write(to, buffer, n) == n)
		;
	result(n < 0 || close(from) || close(to) ? -1 : 0);
}

/* repeat N CALL…: '#' in its words is the round. Prints how many went well and what the first failure was. */
static void do_repeat(struct call *c)
{
	long rounds = number(c, 1);
	char words[MOST_WORDS][512], first[512] = "";
	long fine = 0;
	FILE *real = stdout;

	for (long round = 0; round < rounds; round++) {
		struct call each = { .count = c->count - 2 };
		char *printed = NULL;
		size_t length;

		for (int i = 0; i < each.count; i++) {
			const char *word = c->word[i + 2], *hash = strchr(word, '#');

			if (hash)
				snprintf(words[i], sizeof(words[i]), "%.*s%ld%s", (int)(hash - word), word, round, hash + 1);
			else
				snprintf(words[i], sizeof(words[i]), "%s", word);
			each.word[i] = words[i];
		}
		stdout = open_memstream(&printed, &length);
		dispatch(&each);
		fclose(stdout);
		stdout = real;
		if (printed[1] != 'E')
			fine++;
		else if (!*first)
			snprintf(first, sizeof(first), ", round %ld%s", round, printed);
		free(printed);
	}
	printf(" %ld of %ld%s", fine, rounds, first);
}

static const struct operation {
	const char *name;
	void (*run)(struct call *call);
} operations[] = {
	{ "open", do_open }, { "openat", do_openat }, { "close", do_close }, { "mkdir", do_mkdir }, { "mknod", do_mknod },
	{ "unlink", do_unlink }, { "unlinkat", do_unlinkat }, { "rmdir", do_rmdir }, { "symlink", do_symlink },
	{ "readlink", do_readlink }, { "link", do_link }, { "linkfollow", do_linkfollow }, { "linkfd", do_linkfd },
	{ "linkempty", do_linkempty }, { "rename", do_rename }, { "rename2", do_rename2 }, { "chmod", do_chmod },
	{ "fchmod", do_fchmod }, { "chown", do_chown }, { "lchown", do_lchown }, { "fchown", do_fchown },
	{ "truncate", do_truncate }, { "ftruncate", do_ftruncate }, { "write", do_write }, { "pwrite", do_pwrite },
	{ "pwritev", do_pwritev }, { "read", do_read }, { "pread", do_pread }, { "lseek", do_lseek },
	{ "fallocate", do_fallocate }, { "copy", do_copy }, { "sendfile", do_sendfile }, { "fsync", do_fsync },
	{ "fdatasync", do_fdatasync }, { "syncfs", do_syncfs }, { "access", do_access }, { "chdir", do_chdir },
	{ "fchdir", do_fchdir }, { "umask", do_umask }, { "flock", do_flock }, { "setlk", do_setlk }, { "ofdlk", do_ofdlk },
	{ "getlk", do_getlk }, { "stat", do_stat }, { "lstat", do_lstat }, { "fstat", do_fstat }, { "times", do_times },
	{ "blocks", do_blocks }, { "same", do_same }, { "samefd", do_samefd }, { "utimens", do_utimens },
	{ "futimens", do_futimens }, { "mmapread", do_mmapread }, { "mmapwrite", do_mmapwrite },
	{ "mmapprivate", do_mmapprivate }, { "readdir", do_readdir }, { "opendir", do_opendir }, { "dirread", do_dirread },
	{ "dirname", do_dirname }, { "dirtell", do_dirtell }, { "dirseek", do_dirseek }, { "dirrewind", do_dirrewind },
	{ "statfs", do_statfs }, { "as", do_as }, { "child", do_child }, { "exec", do_exec }, { "install", do_install },
	{ "repeat", do_repeat }, { "bind", do_bind }, { "dup", do_dup }, { "setxattr", do_setxattr },
	{ "getxattr", do_getxattr }, { "removexattr", do_removexattr }, { "fadvise", do_fadvise },
};

static void dispatch(struct call *call)
{
	if (times_shown && !strstr(text(call, 0), "stat")) {
		tick();
		times_shown = 0;
	}
	for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++) {
		if (strcmp(operations[i].name, text(call, 0)) == 0) {
			operations[i].run(call);
			return;
		}
	}
	printf(" no such call");
}

static void run_case(const char *name, char **lines, int count)
{
	umask(0);
	if (mkdir(name, 0777) || chdir(name)) {
		printf("case %s %s\n", name, strerrorname_np(errno));
		return;
	}
	umask(022);
	alarm(SECONDS_PER_CASE);
	signal(SIGPIPE, SIG_IGN);
	for (int i = 0; i < SLOTS; i++)
		slots[i] = -1;
	tick();
	clock_gettime(CLOCK_REALTIME, &start);
	tick();
	printf("case %s\n", name);
	for (int i = 0; i < count; i++) {
		struct call call;

		split(lines[i], &call);
		dispatch(&call);
		putchar('\n');
	}
}

int main(int argc, char **argv)
{
	static char *lines[MOST_LINES];
	char *line = NULL, name[512] = "";
	size_t room = 0;
	int count = 0;

	/* Aligned for direct I/O. */
	buffer = aligned_alloc(4096, BUFFER * 2);
	if (argc != 2 || !buffer || chdir(argv[1]))
		return 2;
	while (getline(&line, &room, stdin) > 0) {
		line[strcspn(line, "\n")] = 0;
		if (strncmp(line, "case ", 5) == 0) {
			snprintf(name, sizeof(name), "%s", line + 5);
			count = 0;
		} else if (strcmp(line, "end") != 0) {
			if (count < MOST_LINES)
				lines[count++] = strdup(line);
		} else {
			pid_t child;

			fflush(stdout);
			child = fork();
			if (child == 0) {
				run_case(name, lines, count);
				fflush(stdout);
				_exit(0);
			}
			finish_child(child);
			puts("end");
			while (count > 0)
				free(lines[--count]);
		}
	}
	return 0;
}
