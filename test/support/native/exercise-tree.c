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
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <linux/falloc.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#define MOST_PROCESSES 64
#define MOST_BYTES (1 << 20)
#define MOST_OFFSET (1 << 30)
#define HELD 8
#define PATH_ROOM 1024
#define MOST_EXISTING 2000
#define ERRNOS 140
/* What pages and direct I/O are aligned to. */
#define UNIT 4096
/* Beyond its time a process counts as hanging. */
#define GRACE 120

static uint64_t state;
static int mortal, damaged, process;
static unsigned char buffer[MOST_BYTES] __attribute__((aligned(UNIT)));
static int held[HELD];
static long outcomes[ERRNOS];
static char first_path[PATH_ROOM], second_path[PATH_ROOM];

static uint32_t word(void)
{
	state ^= state >> 12;
	state ^= state << 25;
	state ^= state >> 27;
	return (state * 0x2545f4914f6cdd1dULL) >> 32;
}

static uint32_t below(uint32_t limit)
{
	return word() % limit;
}

/* Contents */

static void pattern(ino_t inode, off_t offset, size_t length, unsigned char *bytes)
{
	for (size_t i = 0; i < length; i++) {
		uint64_t unit = (uint64_t)(offset + i) >> 3;
		uint64_t mixed = (inode * 0x9e3779b97f4a7c15ULL) ^ (unit * 0xc2b2ae3d27d4eb4fULL);

		mixed = (mixed ^ (mixed >> 29)) * 0xbf58476d1ce4e5b9ULL;
		bytes[i] = (mixed >> (8 * ((offset + i) & 7))) | 1;
	}
}

/* -1 where all is its own. */
static off_t foreign_byte(ino_t inode, off_t offset, const unsigned char *bytes, ssize_t length)
{
	static unsigned char own[MOST_BYTES];

	pattern(inode, offset, length, own);
	for (ssize_t i = 0; i < length; i++)
		if (bytes[i] != 0 && bytes[i] != own[i])
			return offset + i;
	return -1;
}

static int report_foreign(const char *path, ino_t inode, off_t at, unsigned char byte)
{
	printf("process %d: %s (inode %llu): the byte at %lld is %02x, which is not its own\n", process, path,
	       (unsigned long long)inode, (long long)at, byte);
	fflush(stdout);
	return 1;
}

/* Names */

static void random_name(char *name)
{
	uint32_t kind = below(20), index = below(40);

	if (kind == 0)
		sprintf(name, "%u-%0*u", index, 20 + (int)(index * 29) % 230, index);
	else if (kind < 4)
		sprintf(name, "many-%u", below(600));
	else
		sprintf(name, "name%u", index);
}

/* What was there before, of a damaged filesystem. */
static char *existing[MOST_EXISTING];
static int existing_count;

static int remember(const char *path, const struct stat *st, int type, struct FTW *place)
{
	(void)st, (void)type, (void)place;
	if (existing_count < MOST_EXISTING && strlen(path) < PATH_ROOM)
		existing[existing_count++] = strdup(path);
	return existing_count == MOST_EXISTING;
}

static char *random_path(char *path)
{
	char *end = path;

	if (existing_count > 0 && below(2))
		return strcpy(path, existing[below(existing_count)]);
	for (uint32_t depth = below(4); depth > 0; depth--)
		end += sprintf(end, "directory%u/", below(4));
	random_name(end);
	return path;
}

static char *random_directory(char *path)
{
	char *end = path;

	if (existing_count > 0 && below(2))
		return strcpy(path, existing[below(existing_count)]);
	end += sprintf(path, "directory%u", below(4));

	for (uint32_t depth = below(3); depth > 0; depth--)
		end += sprintf(end, "/directory%u", below(4));
	return path;
}

/* Either, as most operations meet both. */
static char *any_path(char *path)
{
	return below(5) == 0 ? random_directory(path) : random_path(path);
}

/* Operations return 0, or -1 and errno. */

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

static void leave_mapping(int signal)
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

static int do_create(void) { return with_file(O_RDWR | O_CREAT, use_write); }
static int do_create_exclusively(void) { return with_file(O_RDWR | O_CREAT | O_EXCL, use_write); }
static int do_write(void) { return with_file(O_RDWR, use_write); }
static int do_truncate(void) { return with_file(O_RDWR, use_truncate); }
static int do_allocate(void) { return with_file(O_RDWR, use_allocate); }
static int do_sync(void) { return with_file(O_RDWR, use_sync); }
static int do_read(void) { return with_file(O_RDONLY, use_read); }
static int do_map(void) { return with_file(O_RDWR, use_mapping); }
static int do_direct(void) { return with_file(O_RDWR | O_DIRECT, use_direct); }
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

static int do_tmpfile(void)
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

static void step(void)
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
	state = (seed + 1) * 0x9e3779b97f4a7c15ULL;
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
		nftw(".", remember, 64, FTW_PHYS);
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
