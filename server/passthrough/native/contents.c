/* What is done to an open file or directory. */
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "tree.h"

/* The (descriptor, bytes, offset, length, position) of a transfer. */
static bool transfer_arguments(napi_env env, napi_callback_info info, int32_t *descriptor, uint8_t **data, size_t *length, int64_t *position)
{
	napi_value argv[5];

	return shim_arguments(env, info, 5, argv) && shim_int32(env, argv[0], descriptor) &&
	       shim_range(env, argv[1], argv[2], argv[3], data, length) && shim_int64(env, argv[4], position);
}

/* read(descriptor, bytes, offset, length, position): bytes read, fewer only at the end of the file */
static napi_value shim_read(napi_env env, napi_callback_info info)
{
	int32_t descriptor;
	int64_t position;
	uint8_t *data;
	size_t length, done = 0;
	ssize_t count;

	if (!transfer_arguments(env, info, &descriptor, &data, &length, &position))
		return NULL;
	do {
		count = pread(descriptor, data + done, length - done, position + (off_t)done);
		if (count > 0)
			done += (size_t)count;
	} while (count > 0 && done < length);
	return shim_result(env, count < 0 && done == 0 ? -1 : (int64_t)done);
}

/* write(descriptor, bytes, offset, length, position): bytes written */
static napi_value shim_write(napi_env env, napi_callback_info info)
{
	int32_t descriptor;
	int64_t position;
	uint8_t *data;
	size_t length;

	if (!transfer_arguments(env, info, &descriptor, &data, &length, &position))
		return NULL;
	return shim_result(env, pwrite(descriptor, data, length, position));
}

/* list(descriptor, request, position, bytes): entries as getdents64(2) has them, from the eight bytes on that the request has there */
static napi_value shim_list(napi_env env, napi_callback_info info)
{
	uint8_t *request, *data;
	size_t request_length, length;
	int32_t descriptor;
	napi_value argv[4];
	int64_t at, position;

	if (!shim_arguments(env, info, 4, argv) || !shim_int32(env, argv[0], &descriptor) ||
	    !shim_bytes(env, argv[1], &request, &request_length) || !shim_int64(env, argv[2], &at) || !shim_bytes(env, argv[3], &data, &length))
		return NULL;
	if (at < 0 || (uint64_t)at + sizeof(position) > request_length) {
		napi_throw_range_error(env, NULL, "outside the array");
		return NULL;
	}
	memcpy(&position, request + at, sizeof(position));
	if (lseek(descriptor, position, SEEK_SET) < 0)
		return shim_result(env, -1);
	return shim_result(env, syscall(SYS_getdents64, descriptor, data, length));
}

/* truncate(descriptor, size) */
static napi_value shim_truncate(napi_env env, napi_callback_info info)
{
	int32_t descriptor;
	napi_value argv[2];
	int64_t size;

	if (!shim_arguments(env, info, 2, argv) || !shim_int32(env, argv[0], &descriptor) || !shim_int64(env, argv[1], &size))
		return NULL;
	return shim_result(env, ftruncate(descriptor, size));
}

/* allocate(descriptor, mode, offset, length) */
static napi_value shim_allocate(napi_env env, napi_callback_info info)
{
	int32_t descriptor, mode;
	int64_t offset, length;
	napi_value argv[4];

	if (!shim_arguments(env, info, 4, argv) || !shim_int32(env, argv[0], &descriptor) || !shim_int32(env, argv[1], &mode) ||
	    !shim_int64(env, argv[2], &offset) || !shim_int64(env, argv[3], &length))
		return NULL;
	return shim_result(env, fallocate(descriptor, mode, offset, length));
}

/* seek(descriptor, offset, whence) */
static napi_value shim_seek(napi_env env, napi_callback_info info)
{
	int32_t descriptor, whence;
	napi_value argv[3];
	int64_t offset;

	if (!shim_arguments(env, info, 3, argv) || !shim_int32(env, argv[0], &descriptor) || !shim_int64(env, argv[1], &offset) ||
	    !shim_int32(env, argv[2], &whence))
		return NULL;
	return shim_result(env, lseek(descriptor, offset, whence));
}

/* copy(from, offset, to, offset, length): bytes copied */
static napi_value shim_copy(napi_env env, napi_callback_info info)
{
	int64_t offset_in, offset_out, length;
	int32_t from, to;
	napi_value argv[5];

	if (!shim_arguments(env, info, 5, argv) || !shim_int32(env, argv[0], &from) || !shim_int64(env, argv[1], &offset_in) ||
	    !shim_int32(env, argv[2], &to) || !shim_int64(env, argv[3], &offset_out) || !shim_int64(env, argv[4], &length))
		return NULL;
	return shim_result(env, copy_file_range(from, &offset_in, to, &offset_out, (size_t)length, 0));
}

/* sync(descriptor, dataOnly) */
static napi_value shim_sync(napi_env env, napi_callback_info info)
{
	int32_t descriptor, data_only;

	if (!shim_int32s(env, info, &descriptor, &data_only))
		return NULL;
	return shim_result(env, data_only ? fdatasync(descriptor) : fsync(descriptor));
}

/* close(descriptor) */
static napi_value shim_close(napi_env env, napi_callback_info info)
{
	int32_t descriptor;

	if (!shim_int32s(env, info, &descriptor))
		return NULL;
	return shim_result(env, close(descriptor));
}

/* descriptorLimit(): how many this process may have open */
static napi_value shim_descriptor_limit(napi_env env, napi_callback_info info)
{
	struct rlimit limit;

	(void)info;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return shim_result(env, -1);
	return shim_result(env, limit.rlim_cur > INT32_MAX ? INT32_MAX : (int64_t)limit.rlim_cur);
}

/* exchange(socket, descriptor, bytes, length, milliseconds): sends a packet, with a descriptor unless that is -1; the number that comes back */
static napi_value shim_exchange(napi_env env, napi_callback_info info)
{
	char control[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8))) = { 0 };
	struct iovec part;
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };
	int32_t socket, descriptor, milliseconds, answer;
	struct cmsghdr *header;
	struct pollfd ready;
	napi_value argv[5], zero;
	uint8_t *data;
	size_t length;

	if (!shim_arguments(env, info, 5, argv) || napi_create_int32(env, 0, &zero) != napi_ok || !shim_int32(env, argv[0], &socket) ||
	    !shim_int32(env, argv[1], &descriptor) || !shim_range(env, argv[2], zero, argv[3], &data, &length) ||
	    !shim_int32(env, argv[4], &milliseconds))
		return NULL;
	part = (struct iovec){ .iov_base = data, .iov_len = length };
	if (descriptor >= 0) {
		message.msg_control = control;
		message.msg_controllen = sizeof(control);
		header = CMSG_FIRSTHDR(&message);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(header), &descriptor, sizeof(int));
	}
	if (sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		return shim_result(env, -1);
	ready = (struct pollfd){ .fd = socket, .events = POLLIN };
	if (poll(&ready, 1, milliseconds) <= 0) {
		errno = ETIMEDOUT;
		return shim_result(env, -1);
	}
	if (recv(socket, &answer, sizeof(answer), MSG_DONTWAIT) != sizeof(answer)) {
		errno = EPIPE;
		return shim_result(env, -1);
	}
	if (answer < 0)
		errno = -answer;
	return shim_result(env, answer);
}

void export_contents(napi_env env, napi_value exports)
{
	shim_export(env, exports, "read", shim_read);
	shim_export(env, exports, "write", shim_write);
	shim_export(env, exports, "list", shim_list);
	shim_export(env, exports, "truncate", shim_truncate);
	shim_export(env, exports, "allocate", shim_allocate);
	shim_export(env, exports, "seek", shim_seek);
	shim_export(env, exports, "copy", shim_copy);
	shim_export(env, exports, "sync", shim_sync);
	shim_export(env, exports, "close", shim_close);
	shim_export(env, exports, "descriptorLimit", shim_descriptor_limit);
	shim_export(env, exports, "exchange", shim_exchange);
}
