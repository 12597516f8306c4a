/*
 * Fills a directory with everything that an ext4 can hold, the same for the same seed.
 * What a filesystem has no room or no feature for is left out without a word: the oracle sees the
 * same tree as the filesystem under test.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/xattr.h>
#include <unistd.h>

static uint64_t state;
static long block;
/* For a tree that is copied to filesystems of smaller limits, and removed again. */
static int plain;
static char data[1 << 20];

static uint64_t next_random(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	return state ^= state << 17;
}

static void fill_random(void *target, size_t length)
{
	for (size_t i = 0; i < length; i++)
		((char *)target)[i] = next_random() >> 32;
}

static int is_limit(int error)
{
	static const int limits[] = { ENOSPC, EOPNOTSUPP, ENOTTY, EFBIG, ENAMETOOLONG, E2BIG, ERANGE, EMLINK, EINVAL, EPERM };

	for (size_t i = 0; i < sizeof(limits) / sizeof(*limits); i++)
		if (limits[i] == error)
			return 1;
	return 0;
}

/* Ends the program unless the error is a limit of the filesystem. */
static int try(const char *what, int result)
{
	if (result < 0 && !is_limit(errno)) {
		perror(what);
		exit(1);
	}
	return result;
}

static int create(const char *name) { return try(name, open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0644)); }

static void put(int fd, off_t at, size_t length)
{
	fill_random(data, length);
	try("pwrite", pwrite(fd, data, length, at));
}

static void enter(const char *name)
{
	if (mkdir(name, 0755) != 0 || chdir(name) != 0) {
		perror(name);
		exit(1);
	}
}

static void leave(void) { try("chdir ..", chdir("..")); }

static void sizes(void)
{
	const off_t lengths[] = { 0, 1, 59, 60, 61, 100, 156, 160, 161, 512, 1023, 1024, 1025, block - 1, block, block + 1,
				  12 * block, 12 * block + 1, 100001 };
	char name[32];

	enter("sizes");
	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		snprintf(name, sizeof(name), "%lld", (long long)lengths[i]);
		int fd = create(name);

		put(fd, 0, lengths[i]);
		close(fd);
	}
	int fd = create("3 MB");

	for (off_t at = 0; at < 3 << 20; at += 1 << 20)
		put(fd, at, 1 << 20);
	close(fd);
	leave();
}

static void sparse(void)
{
	int fd;

	enter("sparse");
	fd = create("only-a-hole");
	try("ftruncate", ftruncate(fd, 5000001));
	close(fd);
	fd = create("holes-between");
	for (int i = 0; i < 20; i++)
		put(fd, (next_random() % 4096) * block, 1 + next_random() % (2 * block));
	close(fd);
	/* Every level of an indirect map, and far ends of an extent tree; too far for some filesystems. */
	fd = create("far");
	for (int shift = 10; shift < (plain ? 34 : 44); shift += 2)
		try("pwrite", pwrite(fd, "far", 3, 1LL << shift));
	close(fd);
	fd = create("past-the-data");
	put(fd, 0, 10);
	try("ftruncate", ftruncate(fd, 1LL << 33));
	close(fd);
	leave();
}

static void unwritten(void)
{
	int fd;

	enter("unwritten");
	fd = create("allocated");
	try("fallocate", fallocate(fd, 0, 0, 100 * block));
	close(fd);
	fd = create("partly-written");
	try("fallocate", fallocate(fd, 0, 0, 200 * block));
	for (int i = 0; i < 30; i++)
		put(fd, (next_random() % 200) * block, 100);
	close(fd);
	fd = create("beyond-the-end");
	put(fd, 0, 5);
	try("fallocate", fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 50 * block));
	close(fd);
	fd = create("punched");
	put(fd, 0, 64 * block < (long)sizeof(data) ? 64 * block : (long)sizeof(data));
	for (int i = 1; i < 64; i += 3)
		try("fallocate", fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, i * block + 7, block));
	try("fallocate", fallocate(fd, FALLOC_FL_ZERO_RANGE, 10 * block, 5 * block));
	close(fd);
	leave();
}

/* More extents than a tree of one level holds: 4 in the inode, 340 in a block of 4 KiB. */
static void fragmented(int extents)
{
	int fd;

	enter("fragmented");
	fd = create("many-extents");
	for (int i = 0; i < extents; i++)
		put(fd, 2LL * i * block, 16);
	close(fd);
	leave();
}

static void names(void)
{
	static const char *const odd[] = { "\xff\xfe not utf-8", "new\nline", "tab\there", " space ", "-dash", "percent%41", "\x01",
					   ".hidden", "...", "\xc3\xa9 composed", "e\xcc\x81 decomposed", "\xf0\x9f\x92\xbe", "\\back" };
	char name[256];

	enter("names");
	for (size_t i = 0; i < sizeof(odd) / sizeof(*odd); i++)
		close(create(odd[i]));
	for (int length = 240; length <= 255; length++) {
		memset(name, 'a' + length % 26, length);
		name[length] = 0;
		close(create(name));
	}
	memset(name, '\xfd', 255);
	try("mkdir", mkdir(name, 0700));
	leave();
	enter("deep");
	for (int i = 0; i < 100; i++)
		enter(i % 10 ? "d" : "a-longer-name-at-every-tenth-level");
	close(create("bottom"));
	for (int i = 0; i < 101; i++)
		leave();
}

static void links(void)
{
	static const int lengths[] = { 1, 2, 58, 59, 60, 61, 100, 255, 500, 1000, 1023, 2000, 4095 };
	char name[32], target[4096];

	enter("links");
	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths) - (plain ? 2 : 0); i++) {
		for (int j = 0; j < lengths[i]; j++)
			target[j] = "abc/\xe9."[next_random() % 6];
		target[lengths[i]] = 0;
		snprintf(name, sizeof(name), "symlink-%d", lengths[i]);
		try(name, symlink(target, name));
	}
	close(create("hard-0"));
	for (int i = 1; i < 40; i++) {
		snprintf(name, sizeof(name), "hard-%d", i);
		try(name, link("hard-0", name));
	}
	try("link", link("symlink-100", "hard-to-symlink"));
	leave();
}

static void special(void)
{
	static const unsigned numbers[][2] = { { 0, 0 }, { 1, 3 }, { 8, 255 }, { 8, 256 }, { 255, 255 }, { 256, 1 }, { 4095, 1048575 } };
	struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "socket" };
	char name[32];

	enter("special");
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
		dev_t device = makedev(numbers[i][0], numbers[i][1]);

		snprintf(name, sizeof(name), "c%u-%u", numbers[i][0], numbers[i][1]);
		try(name, mknod(name, S_IFCHR | 0600, device));
		name[0] = 'b';
		try(name, mknod(name, S_IFBLK | 0660, device));
	}
	try("mkfifo", mkfifo("fifo", 0640));
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	try("bind", bind(fd, (struct sockaddr *)&address, sizeof(address)));
	close(fd);
	leave();
}

static void modes(void)
{
	char name[32];

	enter("modes");
	for (int mode = 0; mode < 010000; mode = mode * 2 + 0111) {
		snprintf(name, sizeof(name), "%04o", mode);
		close(create(name));
		try(name, chown(name, next_random() % 200000, next_random() % 4000000000u));
		try(name, chmod(name, mode & 07777));
	}
	close(create("4755"));
	try("chmod", chmod("4755", 04755));
	try("mkdir", mkdir("1777", 0777));
	try("chmod", chmod("1777", 01777));
	try("mkdir", mkdir("2775", 0777));
	try("chmod", chmod("2775", 02775));
	leave();
}

static void times(void)
{
	static const long long seconds[] = { -(1LL << 31), -86400, -1, 0, 1, (1LL << 31) - 1, 1LL << 31, (1LL << 32) - 1, 1LL << 32,
					     (1LL << 33) + 5, 15032385535LL };
	char name[32];

	enter("times");
	for (size_t i = 0; i < sizeof(seconds) / sizeof(*seconds); i++) {
		struct timespec both[2] = { { seconds[i], 999999999 }, { seconds[i], next_random() % 1000000000 } };

		snprintf(name, sizeof(name), "%lld", seconds[i]);
		close(create(name));
		try(name, utimensat(AT_FDCWD, name, both, 0));
	}
	leave();
}

static void set_xattr(const char *path, const char *name, size_t length)
{
	if (plain && length > 900)
		return;
	fill_random(data, length);
	try(name, lsetxattr(path, name, data, length, 0));
}

static void xattrs(void)
{
	static const int lengths[] = { 0, 1, 3, 4, 5, 40, 100, 200, 900, 1900, 3000, 3900, 5000, 20000, 65000 };
	char name[256] = "user.", path[32];

	enter("xattrs");
	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		snprintf(path, sizeof(path), "one-of-%d", lengths[i]);
		close(create(path));
		set_xattr(path, "user.value", lengths[i]);
	}
	close(create("many"));
	for (int i = 0; i < (plain ? 12 : 60); i++) {
		snprintf(name, sizeof(name), "%s.attribute-%d", i % 3 == 0 ? "user" : i % 3 == 1 ? "trusted" : "security", i);
		set_xattr("many", name, next_random() % 30);
	}
	try("mkdir", mkdir("directory", 0755));
	set_xattr("directory", "trusted.overlay.opaque", 1);
	set_xattr("directory", "user.large", 2000);
	close(create("long-name"));
	memset(name + 5, 'n', 250);
	name[255] = 0;
	memcpy(name, "user.", 5);
	set_xattr("long-name", name, 10);
	close(create("shared-1"));
	close(create("shared-2"));
	memset(data, 's', 300);
	try("shared", lsetxattr("shared-1", "user.same", data, 300, 0));
	try("shared", lsetxattr("shared-2", "user.same", data, 300, 0));
	try("symlink", symlink("many", "symlink"));
	set_xattr("symlink", "trusted.on-a-link", 20);
	if (try("mknod", mknod("device", S_IFCHR | 0600, makedev(1, 3))) == 0)
		set_xattr("device", "security.capability", 20);
	leave();
}

struct acl_entry {
	uint16_t tag, permissions;
	uint32_t id;
};

/* The form of system.posix_acl_*: version 2, then entries. */
static void set_acl(const char *path, const char *name, int named)
{
	struct { uint32_t version; struct acl_entry entries[40]; } acl = { .version = 2 };
	int count = 0;

	acl.entries[count++] = (struct acl_entry){ 0x01, 7, -1 };
	for (int i = 0; i < named; i++)
		acl.entries[count++] = (struct acl_entry){ 0x02, i % 8, 1000 + 70000 * i };
	acl.entries[count++] = (struct acl_entry){ 0x04, 4, -1 };
	for (int i = 0; i < named; i++)
		acl.entries[count++] = (struct acl_entry){ 0x08, 7 - i % 8, 5 + i };
	acl.entries[count++] = (struct acl_entry){ 0x10, 5, -1 };
	acl.entries[count++] = (struct acl_entry){ 0x20, 1, -1 };
	try(name, setxattr(path, name, &acl, 4 + count * sizeof(acl.entries[0]), 0));
}

static void acls(void)
{
	enter("acls");
	close(create("one-named"));
	set_acl("one-named", "system.posix_acl_access", 1);
	close(create("many-named"));
	set_acl("many-named", "system.posix_acl_access", 17);
	try("mkdir", mkdir("with-default", 0755));
	set_acl("with-default", "system.posix_acl_access", 2);
	set_acl("with-default", "system.posix_acl_default", 3);
	close(create("with-default/inherits"));
	try("mkdir", mkdir("with-default/inherits-too", 0777));
	leave();
}

static void set_flags(const char *path, int flags)
{
	int present = 0, fd = try(path, open(path, O_RDONLY | O_CLOEXEC));

	if (try("FS_IOC_GETFLAGS", ioctl(fd, FS_IOC_GETFLAGS, &present)) == 0) {
		present |= flags;
		try("FS_IOC_SETFLAGS", ioctl(fd, FS_IOC_SETFLAGS, &present));
	}
	close(fd);
}

static void set_project(const char *path, uint32_t project)
{
	struct fsxattr attributes;
	int fd = try(path, open(path, O_RDONLY | O_CLOEXEC));

	if (try("FS_IOC_FSGETXATTR", ioctl(fd, FS_IOC_FSGETXATTR, &attributes)) == 0) {
		attributes.fsx_projid = project;
		try("FS_IOC_FSSETXATTR", ioctl(fd, FS_IOC_FSSETXATTR, &attributes));
	}
	close(fd);
}

static void flags(void)
{
	enter("flags");
	close(create("project"));
	set_project("project", 123456);
	close(create("immutable"));
	set_flags("immutable", FS_IMMUTABLE_FL);
	close(create("append"));
	set_flags("append", FS_APPEND_FL | FS_NODUMP_FL);
	try("mkdir", mkdir("no-atime", 0755));
	set_flags("no-atime", FS_NOATIME_FL | FS_SYNC_FL);
	leave();
}

/* Names of many lengths, some taken out again: deleted entries and half-empty leaves are part of an htree. */
static void crowd(const char *directory, int entries, int longest)
{
	char name[256], first[256] = "";

	enter(directory);
	for (int i = 0; i < entries; i++) {
		int length = snprintf(name, sizeof(name), "%d-", i), goal = length + next_random() % longest;

		for (; length < goal && length < 250; length++)
			name[length] = 'a' + next_random() % 26;
		name[length] = 0;
		if (i % 1000 == 0)
			strcpy(first, name), close(create(name));
		else
			try(name, link(first, name));
		if (i % 7 == 3 && i % 1000 != 0)
			try(name, unlink(name));
	}
	leave();
}

int main(int argc, char **argv)
{
	struct rlimit files = { 65536, 65536 };
	struct stat st;

	if (argc != 5 && argc != 6)
		return fprintf(stderr, "usage: fill DIRECTORY SEED ENTRIES EXTENTS [plain]\n"), 2;
	setrlimit(RLIMIT_NOFILE, &files);
	umask(0);
	plain = argc == 6;
	if (chdir(argv[1]) != 0 || stat(".", &st) != 0) {
		perror(argv[1]);
		return 1;
	}
	block = st.st_blksize;
	state = strtoull(argv[2], NULL, 0) * 0x9e3779b97f4a7c15 + 1;
	sizes();
	sparse();
	unwritten();
	fragmented(atoi(argv[4]));
	names();
	links();
	special();
	modes();
	times();
	xattrs();
	acls();
	if (!plain)
		flags();
	crowd("crowd", atoi(argv[3]), 60);
	return 0;
}
