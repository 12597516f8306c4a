/*
 * System calls for AF_UNIX SOCK_SEQPACKET sockets that carry descriptors. Every descriptor made or
 * received here is close-on-exec from the first instant. Waiting is left to poll(): nothing else blocks,
 * whatever the O_NONBLOCK flag of an inherited socket says.
 */
#include "../../../native/shim.h"
#include "../../../native/unix-address.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

/* SCM_MAX_FD of the kernel: it never lets more through in one packet. */
#define MAX_DESCRIPTORS 253

/* The number on every architecture but alpha; older headers lack it. */
#define NR_PIDFD_OPEN 434

static bool int32s_argument(napi_env env, napi_value value, int32_t **data, size_t *count)
{
	napi_typedarray_type type;
	void *pointer = NULL;

	if (napi_get_typedarray_info(env, value, &type, count, &pointer, NULL, NULL) != napi_ok || type != napi_int32_array) {
		napi_throw_type_error(env, NULL, "expected an Int32Array");
		return false;
	}
	*data = pointer;
	return true;
}

/* socketpair(ends: Int32Array(2)) */
static napi_value shim_socketpair(napi_env env, napi_callback_info info)
{
	napi_value argv[1];
	int32_t *ends;
	size_t count;

	if (!shim_arguments(env, info, 1, argv) || !int32s_argument(env, argv[0], &ends, &count))
		return NULL;
	if (count < 2) {
		napi_throw_range_error(env, NULL, "room for two descriptors is needed");
		return NULL;
	}
	return shim_result(env, socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends));
}

/* listen(path, backlog): a bound, listening, non-blocking socket */
static napi_value shim_listen(napi_env env, napi_callback_info info)
{
	napi_value argv[2];
	struct sockaddr_un address;
	int32_t backlog;
	int fd;

	if (!shim_arguments(env, info, 2, argv) || !shim_unix_address(env, argv[0], &address) ||
	    !shim_int32(env, argv[1], &backlog))
		return NULL;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return shim_result(env, -1);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, backlog) < 0)
		return shim_failed(env, fd);
	return shim_result(env, fd);
}

/* accept(fd): -EAGAIN where no connection waits */
static napi_value shim_accept(napi_env env, napi_callback_info info)
{
	int32_t fd;

	if (!shim_int32s(env, info, &fd))
		return NULL;
	return shim_result(env, accept4(fd, NULL, NULL, SOCK_CLOEXEC));
}

/*
 * connect(path, milliseconds): -EAGAIN where the listener's backlog stays full that long. A unix socket
 * waits for room in the backlog as long as its send timeout says; poll() cannot wait for that.
 */
static napi_value shim_connect(napi_env env, napi_callback_info info)
{
	napi_value argv[2];
	struct sockaddr_un address;
	struct timeval patience = { 0 };
	const struct timeval forever = { 0 };
	int32_t milliseconds;
	int fd;

	if (!shim_arguments(env, info, 2, argv) || !shim_unix_address(env, argv[0], &address) ||
	    !shim_int32(env, argv[1], &milliseconds))
		return NULL;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return shim_result(env, -1);
	patience.tv_sec = milliseconds / 1000;
	patience.tv_usec = milliseconds % 1000 * 1000;
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) < 0 ||
	    connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &forever, sizeof(forever)) < 0)
		return shim_failed(env, fd);
	return shim_result(env, fd);
}

/* send(fd, packet: Uint8Array, descriptors: Int32Array): -EAGAIN where the peer's queue is full */
static napi_value shim_send(napi_env env, napi_callback_info info)
{
	napi_value argv[3];
	int32_t fd, *descriptors;
	uint8_t *packet;
	size_t length, count;
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(MAX_DESCRIPTORS * sizeof(int))] = { 0 };

	if (!shim_arguments(env, info, 3, argv) || !shim_int32(env, argv[0], &fd) ||
	    !shim_bytes(env, argv[1], &packet, &length) || !int32s_argument(env, argv[2], &descriptors, &count))
		return NULL;
	if (count > MAX_DESCRIPTORS) {
		napi_throw_range_error(env, NULL, "too many descriptors for one packet");
		return NULL;
	}

	struct iovec data = { .iov_base = packet, .iov_len = length };
	struct msghdr message = { .msg_iov = &data, .msg_iovlen = 1 };

	if (count > 0) {
		struct cmsghdr *header = (struct cmsghdr *)control;

		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(header), descriptors, count * sizeof(int));
		message.msg_control = control;
		message.msg_controllen = CMSG_SPACE(count * sizeof(int));
	}
	return shim_result(env, sendmsg(fd, &message, MSG_NOSIGNAL | MSG_EOR | MSG_DONTWAIT));
}

/*
 * receive(fd, packet: Uint8Array, descriptors: Int32Array, outcome: Int32Array(2)): the packet's length;
 * outcome becomes [MSG_* flags, descriptors received]. The kernel closes descriptors for which there is
 * no room and sets MSG_CTRUNC. CMSG_LEN and not CMSG_SPACE bounds them: the padding would admit one more.
 */
static napi_value shim_receive(napi_env env, napi_callback_info info)
{
	napi_value argv[4];
	int32_t fd, *descriptors, *outcome;
	uint8_t *packet;
	size_t length, capacity, outcomes;
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(MAX_DESCRIPTORS * sizeof(int))];

	if (!shim_arguments(env, info, 4, argv) || !shim_int32(env, argv[0], &fd) ||
	    !shim_bytes(env, argv[1], &packet, &length) || !int32s_argument(env, argv[2], &descriptors, &capacity) ||
	    !int32s_argument(env, argv[3], &outcome, &outcomes))
		return NULL;
	if (capacity > MAX_DESCRIPTORS || outcomes < 2) {
		napi_throw_range_error(env, NULL, "descriptors or outcome has a wrong length");
		return NULL;
	}

	struct iovec data = { .iov_base = packet, .iov_len = length };
	struct msghdr message = {
		.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = CMSG_LEN(capacity * sizeof(int)),
	};
	ssize_t received = recvmsg(fd, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);

	outcome[0] = message.msg_flags;
	outcome[1] = 0;
	if (received < 0)
		return shim_result(env, -1);
	for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header; header = CMSG_NXTHDR(&message, header)) {
		if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
			continue;
		outcome[1] = (int32_t)((header->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		memcpy(descriptors, CMSG_DATA(header), (size_t)outcome[1] * sizeof(int));
	}
	return shim_result(env, received);
}

/* poll(fd, events, milliseconds): the events that occurred, 0 after the time, -EINTR after a signal */
static napi_value shim_poll(napi_env env, napi_callback_info info)
{
	int32_t fd, events, milliseconds;

	if (!shim_int32s(env, info, &fd, &events, &milliseconds))
		return NULL;

	struct pollfd wanted = { .fd = fd, .events = (short)events };

	return shim_result(env, poll(&wanted, 1, milliseconds) < 0 ? -1 : wanted.revents);
}

/* getOption(fd, option): an int option of SOL_SOCKET */
static napi_value shim_get_option(napi_env env, napi_callback_info info)
{
	int32_t fd, option;
	int value = 0;
	socklen_t size = sizeof(value);

	if (!shim_int32s(env, info, &fd, &option))
		return NULL;
	return shim_result(env, getsockopt(fd, SOL_SOCKET, option, &value, &size) < 0 ? -1 : value);
}

/* setOption(fd, option, value): an int option of SOL_SOCKET */
static napi_value shim_set_option(napi_env env, napi_callback_info info)
{
	int32_t fd, option, value;

	if (!shim_int32s(env, info, &fd, &option, &value))
		return NULL;
	return shim_result(env, setsockopt(fd, SOL_SOCKET, option, &value, sizeof(value)));
}

/* peerCredentials(fd, credentials: Int32Array(3)): pid, uid, gid */
static napi_value shim_peer_credentials(napi_env env, napi_callback_info info)
{
	napi_value argv[2];
	int32_t fd, *credentials;
	size_t count;
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (!shim_arguments(env, info, 2, argv) || !shim_int32(env, argv[0], &fd) ||
	    !int32s_argument(env, argv[1], &credentials, &count))
		return NULL;
	if (count < 3) {
		napi_throw_range_error(env, NULL, "room for three numbers is needed");
		return NULL;
	}
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0)
		return shim_result(env, -1);
	credentials[0] = peer.pid;
	credentials[1] = (int32_t)peer.uid;
	credentials[2] = (int32_t)peer.gid;
	return shim_result(env, 0);
}

/* peerGroups(fd, groups: Int32Array): how many supplementary groups the peer had when it connected */
static napi_value shim_peer_groups(napi_env env, napi_callback_info info)
{
	napi_value argv[2];
	int32_t fd, *groups;
	size_t count;

	if (!shim_arguments(env, info, 2, argv) || !shim_int32(env, argv[0], &fd) ||
	    !int32s_argument(env, argv[1], &groups, &count))
		return NULL;

	socklen_t size = (socklen_t)(count * sizeof(gid_t));

	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &size) < 0)
		return shim_result(env, -1);
	return shim_result(env, (int64_t)(size / sizeof(gid_t)));
}

/* pidfdOpen(pid) */
static napi_value shim_pidfd_open(napi_env env, napi_callback_info info)
{
	int32_t pid;

	if (!shim_int32s(env, info, &pid))
		return NULL;
	return shim_result(env, syscall(NR_PIDFD_OPEN, pid, 0));
}

/* pollMany(fds: Int32Array, occurred: Int32Array, milliseconds): which are readable, hung up or broken */
static napi_value shim_poll_many(napi_env env, napi_callback_info info)
{
	napi_value argv[3];
	int32_t *fds, *occurred, milliseconds;
	size_t count, places;
	struct pollfd *wanted;
	int result;

	if (!shim_arguments(env, info, 3, argv) || !int32s_argument(env, argv[0], &fds, &count) ||
	    !int32s_argument(env, argv[1], &occurred, &places) || !shim_int32(env, argv[2], &milliseconds))
		return NULL;
	if (places < count) {
		napi_throw_range_error(env, NULL, "an answer for each descriptor is needed");
		return NULL;
	}
	wanted = calloc(count ? count : 1, sizeof(*wanted));
	if (!wanted)
		return shim_result(env, -1);
	for (size_t i = 0; i < count; i++)
		wanted[i] = (struct pollfd){ .fd = fds[i], .events = POLLIN };
	result = poll(wanted, count, milliseconds);
	for (size_t i = 0; i < count; i++)
		occurred[i] = wanted[i].revents;
	free(wanted);
	return shim_result(env, result);
}

/* setCloseOnExec(fd, 0 or 1) */
static napi_value shim_set_close_on_exec(napi_env env, napi_callback_info info)
{
	int32_t fd, on;

	if (!shim_int32s(env, info, &fd, &on))
		return NULL;
	return shim_result(env, fcntl(fd, F_SETFD, on ? FD_CLOEXEC : 0));
}

NAPI_MODULE_INIT()
{
	shim_export(env, exports, "socketpair", shim_socketpair);
	shim_export(env, exports, "listen", shim_listen);
	shim_export(env, exports, "accept", shim_accept);
	shim_export(env, exports, "connect", shim_connect);
	shim_export(env, exports, "send", shim_send);
	shim_export(env, exports, "receive", shim_receive);
	shim_export(env, exports, "poll", shim_poll);
	shim_export(env, exports, "getOption", shim_get_option);
	shim_export(env, exports, "setOption", shim_set_option);
	shim_export(env, exports, "peerCredentials", shim_peer_credentials);
	shim_export(env, exports, "peerGroups", shim_peer_groups);
	shim_export(env, exports, "pidfdOpen", shim_pidfd_open);
	shim_export(env, exports, "pollMany", shim_poll_many);
	shim_export(env, exports, "setCloseOnExec", shim_set_close_on_exec);
	return exports;
}
