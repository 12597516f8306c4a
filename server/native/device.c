/* The device or image that the filesystem lies on. */
#include <fcntl.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "../../native/block-device.h"
#include "server.h"

/* lock(descriptor, exclusive): 0, or -errno (EAGAIN: someone else has it); of the open file, until its last descriptor is closed */
static napi_value shim_lock(napi_env env, napi_callback_info info)
{
	int32_t descriptor, exclusive;

	if (!shim_int32s(env, info, &descriptor, &exclusive))
		return NULL;
	return shim_result(env, flock(descriptor, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB));
}

/* dropCached(descriptor, position, length): 0, or -errno */
static napi_value shim_drop_cached(napi_env env, napi_callback_info info)
{
	napi_value argv[3];
	int32_t descriptor;
	int64_t position, length;

	if (!shim_arguments(env, info, 3, argv) || !shim_int32(env, argv[0], &descriptor) ||
	    !shim_int64(env, argv[1], &position) || !shim_int64(env, argv[2], &length))
		return NULL;
	errno = posix_fadvise(descriptor, (off_t)position, (off_t)length, POSIX_FADV_DONTNEED);
	return shim_result(env, errno == 0 ? 0 : -1);
}

struct transfer {
	int32_t descriptor;
	uint8_t *data;
	size_t length;
	off_t position;
};

/* The (descriptor, bytes, offset, length, position) of a transfer, checked to lie inside the array. */
static bool transfer_arguments(napi_env env, napi_callback_info info, struct transfer *transfer)
{
	napi_value argv[5];
	int64_t position;

	if (!shim_arguments(env, info, 5, argv) || !shim_int32(env, argv[0], &transfer->descriptor) ||
	    !shim_range(env, argv[1], argv[2], argv[3], &transfer->data, &transfer->length) || !shim_int64(env, argv[4], &position))
		return false;
	transfer->position = (off_t)position;
	return true;
}

/*
 * readNow(descriptor, bytes, offset, length, position): bytes read, or -errno; -EAGAIN where it would have to wait, and
 * the kernel begins to read
 */
static napi_value shim_read_now(napi_env env, napi_callback_info info)
{
	struct transfer transfer;

	if (!transfer_arguments(env, info, &transfer))
		return NULL;
	struct iovec range = { transfer.data, transfer.length };
	return shim_result(env, preadv2(transfer.descriptor, &range, 1, transfer.position, RWF_NOWAIT));
}

/* The (descriptor, offset, length) of a range, in bytes. */
static bool range_arguments(napi_env env, napi_callback_info info, int32_t *descriptor, uint64_t range[2])
{
	napi_value argv[3];
	int64_t offset, length;

	if (!shim_arguments(env, info, 3, argv) || !shim_int32(env, argv[0], descriptor) || !shim_int64(env, argv[1], &offset) ||
	    !shim_int64(env, argv[2], &length))
		return false;
	range[0] = (uint64_t)offset;
	range[1] = (uint64_t)length;
	return true;
}

/* punchHole(descriptor, offset, length): 0, or -errno; the file keeps its size and loses the blocks */
static napi_value shim_punch_hole(napi_env env, napi_callback_info info)
{
	int32_t descriptor;
	uint64_t range[2];

	if (!range_arguments(env, info, &descriptor, range))
		return NULL;
	return shim_result(env, fallocate(descriptor, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)range[0], (off_t)range[1]));
}

/* discardBlocks(descriptor, offset, length): 0, or -errno; of a block device */
static napi_value shim_discard_blocks(napi_env env, napi_callback_info info)
{
	int32_t descriptor;
	uint64_t range[2];

	if (!range_arguments(env, info, &descriptor, range))
		return NULL;
	return shim_result(env, ioctl(descriptor, BLKDISCARD, range));
}

/*
 * writeOut(descriptor, offset, length): 0, or -errno; what the page cache holds of the range goes to the device, which may
 * keep it in memory of its own
 */
static napi_value shim_write_out(napi_env env, napi_callback_info info)
{
	int32_t descriptor;
	uint64_t range[2];

	if (!range_arguments(env, info, &descriptor, range))
		return NULL;
	return shim_result(env, sync_file_range(descriptor, (off_t)range[0], (off_t)range[1],
						SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER));
}

/* zeroBlocks(descriptor, offset, length): 0, or -errno; of a block device */
static napi_value shim_zero_blocks(napi_env env, napi_callback_info info)
{
	int32_t descriptor;
	uint64_t range[2];

	if (!range_arguments(env, info, &descriptor, range))
		return NULL;
	return shim_result(env, ioctl(descriptor, BLKZEROOUT, range));
}

/* Of statx(2), where the C library does not have it yet. */
#ifndef STATX_WRITE_ATOMIC
#define STATX_WRITE_ATOMIC 0x10000
#endif
#define ATOMIC_WRITE_UNIT_MIN 168
#define ATOMIC_WRITE_UNIT_MAX 172

/* untornWrites(descriptor, units: Float64Array of 2): 0, or -errno; the smallest and the largest write that is not torn, 0 and 0 without any */
static napi_value shim_untorn_writes(napi_env env, napi_callback_info info)
{
	napi_value argv[2];
	napi_typedarray_type type;
	size_t length;
	void *units;
	int32_t descriptor;
	struct statx facts;
	uint32_t least = 0, most = 0;

	if (!shim_arguments(env, info, 2, argv) || !shim_int32(env, argv[0], &descriptor))
		return NULL;
	if (napi_get_typedarray_info(env, argv[1], &type, &length, &units, NULL, NULL) != napi_ok || type != napi_float64_array || length < 2) {
		napi_throw_type_error(env, NULL, "expected a Float64Array of 2");
		return NULL;
	}
	if (statx(descriptor, "", AT_EMPTY_PATH, STATX_WRITE_ATOMIC, &facts) < 0)
		return shim_result(env, -1);
	if (facts.stx_mask & STATX_WRITE_ATOMIC) {
		memcpy(&least, (const char *)&facts + ATOMIC_WRITE_UNIT_MIN, sizeof(least));
		memcpy(&most, (const char *)&facts + ATOMIC_WRITE_UNIT_MAX, sizeof(most));
	}
	((double *)units)[0] = least;
	((double *)units)[1] = most;
	return shim_result(env, 0);
}

/* ioctl(descriptor, command, argument: Uint8Array of the command's own size): its result, or -errno */
static napi_value shim_ioctl(napi_env env, napi_callback_info info)
{
	napi_value argv[3];
	int32_t descriptor;
	int64_t command;
	uint8_t *argument;
	size_t length;

	if (!shim_arguments(env, info, 3, argv) || !shim_int32(env, argv[0], &descriptor) || !shim_int64(env, argv[1], &command) ||
	    !shim_bytes(env, argv[2], &argument, &length))
		return NULL;
	if (length < _IOC_SIZE((unsigned int)command)) {
		napi_throw_range_error(env, NULL, "the argument is too short");
		return NULL;
	}
	return shim_result(env, ioctl(descriptor, (unsigned long)command, argument));
}

void export_device(napi_env env, napi_value exports)
{
	shim_export(env, exports, "blockDevice", shim_block_device);
	shim_export(env, exports, "lock", shim_lock);
	shim_export(env, exports, "readNow", shim_read_now);
	shim_export(env, exports, "dropCached", shim_drop_cached);
	shim_export(env, exports, "punchHole", shim_punch_hole);
	shim_export(env, exports, "discardBlocks", shim_discard_blocks);
	shim_export(env, exports, "writeOut", shim_write_out);
	shim_export(env, exports, "zeroBlocks", shim_zero_blocks);
	shim_export(env, exports, "untornWrites", shim_untorn_writes);
	shim_export(env, exports, "ioctl", shim_ioctl);
}
