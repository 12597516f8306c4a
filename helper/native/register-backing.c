/*
 * Registers files with a FUSE mount, for the kernel to read and write without asking the server:
 *
 *   register-backing rw|ro
 *
 * Descriptor 3 is a SOCK_SEQPACKET socket to the server, 4 the mounted /dev/fuse, 5 the tree: the root of a mount of its
 * own, which nothing else is reached by. Each packet from the server is a request, answered by one int32: an id, 0, or a
 * negative errno.
 *
 *   operation4@0 = 1 (register)  unused4@4  path@8, relative to the tree, without NUL; one descriptor comes with it
 *   operation4@0 = 2 (forget)    id4@4
 *
 * The server is not trusted. The kernel opens a registered file again with the rights of whoever registered it, and
 * whatever access the mount's caller asks for: so the descriptor has to be open for reading and writing (for reading, on
 * a mount on which nothing can be written), on a regular file, by way of the tree's own mount, and the tree has to
 * contain that file now, under the name that the server says. All that this process can do beside that is to end, when
 * the server does. It must end then: as long as it has /dev/fuse open, callers would wait for a server that is gone.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "left-behind.h"

enum { SERVER = 3, FUSE = 4, TREE = 5 };
enum { REGISTER = 1, FORGET = 2 };
enum { PATH_SIZE = 4096, HEADER_SIZE = 8, MOST_REGISTRATIONS = 16384, CAPABILITY_SYS_ADMIN = 21 };

struct backing {
	int32_t descriptor;
	uint32_t flags;
	uint64_t unused;
};

#define BACKING_OPEN _IOW(229, 1, struct backing)
#define BACKING_CLOSE _IOW(229, 2, uint32_t)

static bool read_only;
static unsigned int registrations;

static bool same_file(const struct statx *one, const struct statx *other)
{
	return one->stx_ino == other->stx_ino && one->stx_dev_major == other->stx_dev_major && one->stx_dev_minor == other->stx_dev_minor &&
	       one->stx_mnt_id == other->stx_mnt_id;
}

/* Whether the tree has that file under that name. */
static bool is_beneath(const char *path, const struct statx *file)
{
	struct open_how how = {
		.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV,
	};
	struct statx found;
	bool same;
	int named;

	named = (int)syscall(SYS_openat2, TREE, path, &how, sizeof(how));
	if (named < 0)
		return false;
	same = identify(named, &found) && same_file(&found, file);
	close(named);
	return same;
}

/* The kernel opens the file again, and does not ask what for. */
static bool has_access(int descriptor)
{
	int flags = fcntl(descriptor, F_GETFL), access = flags & O_ACCMODE;

	return flags >= 0 && !(flags & O_PATH) && (access == O_RDWR || (read_only && access == O_RDONLY));
}

static int register_file(int descriptor, const char *path)
{
	struct backing backing = { .descriptor = descriptor };
	struct statx file;
	int id;

	if (!has_access(descriptor))
		return -EACCES;
	if (!identify(descriptor, &file))
		return -EBADF;
	if (!S_ISREG(file.stx_mode))
		return -EINVAL;
	if (!is_beneath(path, &file))
		return -EXDEV;
	if (registrations >= MOST_REGISTRATIONS)
		return -EDQUOT;
	id = ioctl(FUSE, BACKING_OPEN, &backing);
	if (id < 0)
		return -errno;
	registrations++;
	return id;
}

static int forget(uint32_t id)
{
	if (ioctl(FUSE, BACKING_CLOSE, &id) < 0)
		return -errno;
	registrations--;
	return 0;
}

static int answer_to(const char *packet, size_t length, int descriptor)
{
	uint32_t head[2];

	if (length < HEADER_SIZE)
		return -EINVAL;
	memcpy(head, packet, sizeof(head));
	if (head[0] == REGISTER && descriptor >= 0 && length > HEADER_SIZE && !memchr(packet + HEADER_SIZE, '\0', length - HEADER_SIZE))
		return register_file(descriptor, packet + HEADER_SIZE);
	if (head[0] == FORGET && descriptor < 0 && length == HEADER_SIZE)
		return forget(head[1]);
	return -EINVAL;
}

/* False when the server has gone. */
static bool serve_one(void)
{
	char packet[HEADER_SIZE + PATH_SIZE];
	struct server_request request = { .packet = packet, .size = sizeof(packet) };
	int32_t answer;

	if (!receive_request(SERVER, &request))
		return false;
	answer = request.is_wrong ? -EINVAL : answer_to(packet, (size_t)request.length, request.descriptor);
	if (request.descriptor >= 0)
		close(request.descriptor);
	return answer_request(SERVER, answer);
}

int main(int argc, char **argv)
{
	static const int calls[] = { SYS_fcntl, SYS_ioctl, SYS_openat2 };

	read_only = argc == 2 && !strcmp(argv[1], "ro");
	if (argc != 2 || (!read_only && strcmp(argv[1], "rw") != 0))
		return 2;
	syscall(SYS_close_range, TREE + 1, ~0U, 0);
	/* The kernel asks for the capability at each registration. */
	if (!confine(1U << CAPABILITY_SYS_ADMIN, calls, sizeof(calls) / sizeof(*calls)))
		return 1;
	while (serve_one())
		;
	return 0;
}
