#include <linux/fs.h>
#include <sys/ioctl.h>

#include "block-device.h"

napi_value shim_block_device(napi_env env, napi_callback_info info)
{
	napi_value argv[2];
	napi_typedarray_type type;
	size_t length;
	void *data;
	int32_t fd;
	uint64_t bytes;
	int sector = 0, read_only = 0;

	if (!shim_arguments(env, info, 2, argv) || !shim_int32(env, argv[0], &fd))
		return NULL;
	if (napi_get_typedarray_info(env, argv[1], &type, &length, &data, NULL, NULL) != napi_ok ||
	    type != napi_float64_array || length < 3) {
		napi_throw_type_error(env, NULL, "expected a Float64Array of 3");
		return NULL;
	}
	if (ioctl(fd, BLKGETSIZE64, &bytes) < 0 || ioctl(fd, BLKSSZGET, &sector) < 0 || ioctl(fd, BLKROGET, &read_only) < 0)
		return shim_result(env, -1);
	((double *)data)[0] = (double)bytes;
	((double *)data)[1] = sector;
	((double *)data)[2] = read_only;
	return shim_result(env, 0);
}
