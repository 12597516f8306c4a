/* Block devices, and /dev/fuse before and beside its mount. */
#include <fcntl.h>
#include <linux/cdrom.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "../../native/block-device.h"
#include "helper.h"

/* From linux/fuse.h, which older headers lack. */
#define FUSE_CLONE_IOCTL _IOR(229, 0, uint32_t)
/* The iomap extension's: no released kernel has it. */
#define FUSE_ADD_IOMAP_IOCTL _IO(229, 101)

/*
 * The device number behind a descriptor, as major * 2^20 + minor. Unlike fstat(2) it never asks the
 * filesystem, which would be to wait for a server that waits for us.
 */
static napi_value shim_device_number(napi_env env, napi_callback_info info)
{
	int32_t fd;
	struct statx attributes;

	if (!shim_int32s(env, info, &fd))
		return NULL;
	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, 0, &attributes) < 0)
		return shim_result(env, -1);
	return shim_result(env, (int64_t)attributes.stx_dev_major << 20 | attributes.stx_dev_minor);
}

/* setBlockSize(fd, bytes): the unit in which the kernel caches a block device */
static napi_value shim_set_block_size(napi_env env, napi_callback_info info)
{
	int32_t fd, bytes;

	if (!shim_int32s(env, info, &fd, &bytes))
		return NULL;
	return shim_result(env, ioctl(fd, BLKBSZSET, &bytes));
}

/* ejectMedium(fd): of a disk with removable media, or one that can be stopped */
static napi_value shim_eject_medium(napi_env env, napi_callback_info info)
{
	int32_t fd;

	if (!shim_int32s(env, info, &fd))
		return NULL;
	return shim_result(env, ioctl(fd, CDROMEJECT, 0));
}

/* detachLoop(fd): a loop device has no file any more, as soon as nobody has it open */
static napi_value shim_detach_loop(napi_env env, napi_callback_info info)
{
	int32_t fd;

	if (!shim_int32s(env, info, &fd))
		return NULL;
	return shim_result(env, ioctl(fd, LOOP_CLR_FD, 0));
}

/* Makes `fd`, a fresh /dev/fuse, another channel of the mounted one. */
static napi_value shim_fuse_clone(napi_env env, napi_callback_info info)
{
	int32_t fd, mounted;
	uint32_t number;

	if (!shim_int32s(env, info, &fd, &mounted))
		return NULL;
	number = (uint32_t)mounted;
	return shim_result(env, ioctl(fd, FUSE_CLONE_IOCTL, &number));
}

/* Lets the connection that will be made of `fd`, a /dev/fuse that is not mounted yet, use iomap. */
static napi_value shim_fuse_add_iomap(napi_env env, napi_callback_info info)
{
	int32_t fd;

	if (!shim_int32s(env, info, &fd))
		return NULL;
	return shim_result(env, ioctl(fd, FUSE_ADD_IOMAP_IOCTL, 0));
}

void export_devices(napi_env env, napi_value exports)
{
	shim_export(env, exports, "deviceNumber", shim_device_number);
	shim_export(env, exports, "blockDevice", shim_block_device);
	shim_export(env, exports, "setBlockSize", shim_set_block_size);
	shim_export(env, exports, "ejectMedium", shim_eject_medium);
	shim_export(env, exports, "detachLoop", shim_detach_loop);
	shim_export(env, exports, "fuseClone", shim_fuse_clone);
	shim_export(env, exports, "fuseAddIomap", shim_fuse_add_iomap);
}
