/* What inodes, and the filesystem, say about themselves. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "syscalls.h"

static void do_chmod(struct call *c) { result(chmod(text(c, 1), octal(c, 2))); }
static void do_fchmod(struct call *c) { result(fchmod(slot(c, 1), octal(c, 2))); }
static void do_chown(struct call *c) { result(chown(text(c, 1), number(c, 2), number(c, 3))); }
static void do_lchown(struct call *c) { result(lchown(text(c, 1), number(c, 2), number(c, 3))); }
static void do_fchown(struct call *c) { result(fchown(slot(c, 1), number(c, 2), number(c, 3))); }
static void do_access(struct call *c) { result(faccessat(AT_FDCWD, text(c, 1), mask(c, 2), AT_EACCESS)); }
static void do_stat(struct call *c) { struct stat s; stat_result(stat(text(c, 1), &s), &s); }
static void do_lstat(struct call *c) { struct stat s; stat_result(lstat(text(c, 1), &s), &s); }
static void do_fstat(struct call *c) { struct stat s; stat_result(fstat(slot(c, 1), &s), &s); }

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

static void do_setxattr(struct call *c) { result(setxattr(text(c, 1), text(c, 2), text(c, 3), strlen(text(c, 3)), mask(c, 4))); }

static void do_getxattr(struct call *c)
{
	ssize_t n = result(getxattr(text(c, 1), text(c, 2), buffer, 65536));

	if (n > 0)
		show_bytes(buffer, n);
}

static void do_removexattr(struct call *c) { result(removexattr(text(c, 1), text(c, 2))); }

static void do_statfs(struct call *c)
{
	struct statfs found;

	if (result(statfs(text(c, 1), &found)) == 0)
		printf(" block %ld fragment %ld name %ld blocks %lld inodes %lld", (long)found.f_bsize, (long)found.f_frsize,
		       (long)found.f_namelen, (long long)found.f_blocks, (long long)found.f_files);
}

const struct operation attribute_calls[] = {
	{ "chmod", do_chmod }, { "fchmod", do_fchmod }, { "chown", do_chown }, { "lchown", do_lchown },
	{ "fchown", do_fchown }, { "access", do_access }, { "stat", do_stat }, { "lstat", do_lstat },
	{ "fstat", do_fstat }, { "times", do_times }, { "blocks", do_blocks }, { "same", do_same },
	{ "samefd", do_samefd }, { "utimens", do_utimens }, { "futimens", do_futimens }, { "setxattr", do_setxattr },
	{ "getxattr", do_getxattr }, { "removexattr", do_removexattr }, { "statfs", do_statfs }, { NULL, NULL },
};
