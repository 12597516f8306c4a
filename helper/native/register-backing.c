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
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { SERVER = 3, FUSE = 4, TREE = 5 };
enum { REGISTER = 1, FORGET = 2 };
enum { PATH_SIZE = 4096, HEADER_SIZE = 8, MOST_REGISTRATIONS = 16384, CAPABILITY_SYS_ADMIN = 21 };

#ifndef STATX_MNT_ID_UNIQUE
#define STATX_MNT_ID_UNIQUE 0x4000U
#endif

struct backing {
	int32_t descriptor;
	uint32_t flags;
	uint64_t unused;
};

#define BACKING_OPEN _IOW(229, 1, struct backing)
#define BACKING_CLOSE _IOW(229, 2, uint32_t)

static bool read_only;
static unsigned int registrations;

static bool identify(int descriptor, struct statx *found)
{
	const unsigned int wanted = STATX_TYPE | STATX_INO | STATX_MNT_ID_UNIQUE;

	return statx(descriptor, "", AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, wanted, found) == 0 &&
	       (found->stx_mask & wanted) == wanted;
}

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

/* The descriptor of a packet, -1 if there is none; of several all are closed. */
static int descriptor_in(struct msghdr *message, bool *wrong)
{
	int descriptor = -1, carried;

	*wrong = (message->msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0;
	for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header; header = CMSG_NXTHDR(message, header)) {
		if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t at = 0; at + sizeof(int) <= header->cmsg_len - CMSG_LEN(0); at += sizeof(int)) {
			memcpy(&carried, CMSG_DATA(header) + at, sizeof(int));
			if (descriptor >= 0)
				*wrong = true;
			if (descriptor >= 0)
				close(carried);
			else
				descriptor = carried;
		}
	}
	return descriptor;
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
	char packet[HEADER_SIZE + PATH_SIZE], control[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8)));
	struct iovec part = { .iov_base = packet, .iov_len = sizeof(packet) - 1 };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	ssize_t length = recvmsg(SERVER, &message, MSG_CMSG_CLOEXEC);
	int32_t answer;
	int descriptor;
	bool wrong;

	if (length <= 0)
		return length < 0 && errno == EINTR;
	packet[length] = '\0';
	descriptor = descriptor_in(&message, &wrong);
	answer = wrong ? -EINVAL : answer_to(packet, (size_t)length, descriptor);
	if (descriptor >= 0)
		close(descriptor);
	return send(SERVER, &answer, sizeof(answer), MSG_NOSIGNAL) == sizeof(answer);
}

/* One capability, since the kernel asks for it at each registration, and the calls that are needed for one. */
static bool confine(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct held[_LINUX_CAPABILITY_U32S_3] = { { .effective = 1U << CAPABILITY_SYS_ADMIN, .permitted = 1U << CAPABILITY_SYS_ADMIN } };
	static const int calls[] = {
		SYS_close, SYS_exit_group, SYS_fcntl, SYS_ioctl, SYS_openat2, SYS_recvmsg, SYS_restart_syscall, SYS_rt_sigreturn,
		SYS_sendto, SYS_statx,
	};
	enum { COUNT = sizeof(calls) / sizeof(*calls) };
	struct sock_filter program[COUNT + 3];
	struct sock_fprog filter = { .len = COUNT + 3, .filter = program };
	const struct rlimit none = { 0, 0 };

	program[0] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (int i = 0; i < COUNT; i++)
		program[i + 1] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)calls[i], (uint8_t)(COUNT - i), 0);
	program[COUNT + 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	program[COUNT + 2] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	for (unsigned long capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++)
		prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
	return setrlimit(RLIMIT_CORE, &none) == 0 && syscall(SYS_capset, &header, held) == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) == 0;
}

int main(int argc, char **argv)
{
	read_only = argc == 2 && !strcmp(argv[1], "ro");
	if (argc != 2 || (!read_only && strcmp(argv[1], "rw") != 0))
		return 2;
	syscall(SYS_close_range, TREE + 1, ~0U, 0);
	if (!confine())
		return 1;
	while (serve_one())
		;
	return 0;
}
