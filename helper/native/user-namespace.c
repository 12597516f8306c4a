#include "user-namespace.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NR_FSOPEN 430

/* The error number, or 0 and the descriptors beside it. */
union control {
	char bytes[CMSG_SPACE(FUSE_INSIDE_DESCRIPTORS * sizeof(int))];
	struct cmsghdr align;
};

/*
 * A fork of a process with threads: nothing but system calls. Whoever is root in the namespace may signal
 * this process from setns(2) on, and cannot look into it: it is not dumpable, and its memory is the outer
 * namespace's.
 */
__attribute__((noreturn)) static void open_inside(int user_namespace, int mount_namespace, int report)
{
	int descriptors[FUSE_INSIDE_DESCRIPTORS], error = 0;
	union control control = { .bytes = { 0 } };
	struct iovec part = { .iov_base = &error, .iov_len = sizeof(error) };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

	/* The device before its mounts are those of the namespace, and the context after: fsopen(2) asks whose they are. */
	if (setns(user_namespace, CLONE_NEWUSER) < 0 ||
	    (descriptors[FUSE_INSIDE_DEVICE] = open("/dev/fuse", O_RDWR | O_CLOEXEC)) < 0 ||
	    setns(mount_namespace, CLONE_NEWNS) < 0 ||
	    (descriptors[FUSE_INSIDE_CONTEXT] = (int)syscall(NR_FSOPEN, "fuse", 1 /* FSOPEN_CLOEXEC */)) < 0) {
		error = errno;
	} else {
		message.msg_control = control.bytes;
		message.msg_controllen = sizeof(control.bytes);
		struct cmsghdr *item = CMSG_FIRSTHDR(&message);
		item->cmsg_level = SOL_SOCKET;
		item->cmsg_type = SCM_RIGHTS;
		item->cmsg_len = CMSG_LEN(sizeof(descriptors));
		memcpy(CMSG_DATA(item), descriptors, sizeof(descriptors));
	}
	sendmsg(report, &message, MSG_NOSIGNAL);
	_exit(0);
}

static int take_report(int report, int milliseconds, int descriptors[FUSE_INSIDE_DESCRIPTORS])
{
	int error = 0;
	union control control;
	struct iovec part = { .iov_base = &error, .iov_len = sizeof(error) };
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof(control.bytes),
	};
	struct pollfd wait = { .fd = report, .events = POLLIN };
	struct cmsghdr *item;

	int ready = poll(&wait, 1, milliseconds);
	if (ready <= 0)
		return ready == 0 ? ETIMEDOUT : errno;
	ssize_t received = recvmsg(report, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	if (received < 0)
		return errno;
	/* Its end, without a word: somebody has killed it. */
	if (received != sizeof(error))
		return EINTR;
	if (error != 0)
		return error;
	item = CMSG_FIRSTHDR(&message);
	if (!item || item->cmsg_type != SCM_RIGHTS || item->cmsg_len != CMSG_LEN(FUSE_INSIDE_DESCRIPTORS * sizeof(int)))
		return EBADMSG;
	memcpy(descriptors, CMSG_DATA(item), FUSE_INSIDE_DESCRIPTORS * sizeof(int));
	return 0;
}

int fuse_inside(int user_namespace, int mount_namespace, int milliseconds, int descriptors[FUSE_INSIDE_DESCRIPTORS])
{
	int ends[2], error;
	pid_t child;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return -1;
	child = fork();
	if (child == 0)
		open_inside(user_namespace, mount_namespace, ends[1]);
	error = child < 0 ? errno : 0;
	close(ends[1]);
	if (child > 0) {
		error = take_report(ends[0], milliseconds, descriptors);
		/* It has nothing left to do, and may have been stopped. */
		kill(child, SIGKILL);
		while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
			;
	}
	close(ends[0]);
	errno = error;
	return error == 0 ? 0 : -1;
}
