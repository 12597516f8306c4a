/* Making, finding and removing names. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <unistd.h>

#include "syscalls.h"

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

static void do_dup(struct call *c)
{
	int copy = dup(slot(c, 2));

	keep(c, copy);
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

const struct operation name_calls[] = {
	{ "open", do_open }, { "openat", do_openat }, { "close", do_close }, { "mkdir", do_mkdir },
	{ "unlink", do_unlink }, { "unlinkat", do_unlinkat }, { "rmdir", do_rmdir }, { "symlink", do_symlink },
	{ "link", do_link }, { "linkfollow", do_linkfollow }, { "linkempty", do_linkempty }, { "rename", do_rename },
	{ "rename2", do_rename2 }, { "dup", do_dup }, { "linkfd", do_linkfd }, { "mknod", do_mknod },
	{ "readlink", do_readlink }, { "bind", do_bind }, { NULL, NULL },
};
