/* AF_UNIX SOCK_STREAM, as status sockets and fusermount3 speak it. */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>

#include "../../native/unix-address.h"
#include "helper.h"

/* A listening stream socket that only its owner may connect to. */
static napi_value shim_listen_stream(napi_env env, napi_callback_info info)
{
	napi_value argv[1];
	struct sockaddr_un address;
	int fd;

	if (!shim_arguments(env, info, 1, argv) || !shim_unix_address(env, argv[0], &address))
		return NULL;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return shim_result(env, -1);
	/* The mode of the socket becomes that of its name, so that there is no moment with another one. */
	if (fchmod(fd, 0600) < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 16) < 0)
		return shim_failed(env, fd);
	return shim_result(env, fd);
}

static napi_value shim_connect_stream(napi_env env, napi_callback_info info)
{
	napi_value argv[2];
	struct sockaddr_un address;
	int32_t milliseconds;
	int fd, yes = 1;

	if (!shim_arguments(env, info, 2, argv) || !shim_unix_address(env, argv[0], &address) ||
	    !shim_int32(env, argv[1], &milliseconds))
		return NULL;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return shim_result(env, -1);
	struct timeval timeout = { .tv_sec = milliseconds / 1000, .tv_usec = milliseconds % 1000 * 1000 };
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &yes, sizeof(yes)) < 0 ||
	    connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return shim_failed(env, fd);
	return shim_result(env, fd);
}

static napi_value shim_socketpair_stream(napi_env env, napi_callback_info info)
{
	napi_value argv[1];
	uint8_t *ends;
	size_t length;

	if (!shim_arguments(env, info, 1, argv) || !shim_bytes(env, argv[0], &ends, &length))
		return NULL;
	if (length != 2 * sizeof(int)) {
		napi_throw_type_error(env, NULL, "expected 8 bytes");
		return NULL;
	}
	return shim_result(env, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, (int *)(void *)ends));
}

/*
 * receiveStream(fd, buffer, about: Uint8Array(8)): bytes read. `about` gets two int32: the pid of the
 * sender, vouched for by the kernel, in our pid namespace (0: unknown), and a descriptor that came
 * along (-1: none; a second one is closed).
 */
static napi_value shim_receive_stream(napi_env env, napi_callback_info info)
{
	napi_value argv[3];
	int32_t fd, about[2] = { 0, -1 };
	uint8_t *data, *result;
	size_t length, result_length;
	union {
		char bytes[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(4 * sizeof(int))];
		struct cmsghdr align;
	} control;

	if (!shim_arguments(env, info, 3, argv) || !shim_int32(env, argv[0], &fd) ||
	    !shim_bytes(env, argv[1], &data, &length) || !shim_bytes(env, argv[2], &result, &result_length))
		return NULL;
	if (result_length != sizeof(about)) {
		napi_throw_type_error(env, NULL, "expected 8 bytes");
		return NULL;
	}
	struct iovec part = { .iov_base = data, .iov_len = length };
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof(control.bytes),
	};
	ssize_t received = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
	if (received < 0)
		return shim_result(env, -1);
	for (struct cmsghdr *item = CMSG_FIRSTHDR(&message); item; item = CMSG_NXTHDR(&message, item)) {
		if (item->cmsg_level != SOL_SOCKET)
			continue;
		if (item->cmsg_type == SCM_CREDENTIALS) {
			struct ucred sender;
			__builtin_memcpy(&sender, CMSG_DATA(item), sizeof(sender));
			about[0] = sender.pid;
		} else if (item->cmsg_type == SCM_RIGHTS) {
			size_t count = (item->cmsg_len - CMSG_LEN(0)) / sizeof(int);
			for (size_t i = 0; i < count; i++) {
				int descriptor;
				__builtin_memcpy(&descriptor, CMSG_DATA(item) + i * sizeof(int), sizeof(int));
				if (about[1] < 0)
					about[1] = descriptor;
				else
					close(descriptor);
			}
		}
	}
	__builtin_memcpy(result, about, sizeof(about));
	return shim_result(env, received);
}

void export_stream_sockets(napi_env env, napi_value exports)
{
	shim_export(env, exports, "listenStream", shim_listen_stream);
	shim_export(env, exports, "connectStream", shim_connect_stream);
	shim_export(env, exports, "socketpairStream", shim_socketpair_stream);
	shim_export(env, exports, "receiveStream", shim_receive_stream);
}
