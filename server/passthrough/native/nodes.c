/* What is done to an inode, by a descriptor that may be open for its place only (O_PATH). */
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "tree.h"

/* Room for so many doubles in an array of bytes. */
static bool room_for(napi_env env, napi_value array, size_t count, uint8_t **data)
{
	size_t length;

	if (!shim_bytes(env, array, data, &length))
		return false;
	if (length >= count * sizeof(double))
		return true;
	napi_throw_range_error(env, NULL, "too little room");
	return false;
}

/* reopen(descriptor, flags): the same inode, opened anew. What /proc/self/fd shows are links that no name can redirect */
static napi_value shim_reopen(napi_env env, napi_callback_info info)
{
	struct open_how how = { .resolve = 0 };
	char path[DESCRIPTOR_PATH];
	int32_t descriptor, flags;

	if (!shim_int32s(env, info, &descriptor, &flags))
		return NULL;
	tree_descriptor_path(path, descriptor);
	how.flags = (uint32_t)flags | O_CLOEXEC;
	return shim_result(env, syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how)));
}

/* stat(descriptor, facts): sixteen doubles, in the order of tree-shim.ts; 0, or -errno */
static napi_value shim_stat(napi_env env, napi_callback_info info)
{
	int32_t descriptor;
	napi_value argv[2];
	struct stat found;
	uint8_t *data;

	if (!shim_arguments(env, info, 2, argv) || !shim_int32(env, argv[0], &descriptor) || !room_for(env, argv[1], 16, &data))
		return NULL;
	if (fstatat(descriptor, "", &found, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW) < 0)
		return shim_result(env, -1);
	double facts[16] = {
		found.st_ino, found.st_size, found.st_blocks, found.st_atim.tv_sec, found.st_mtim.tv_sec, found.st_ctim.tv_sec,
		found.st_atim.tv_nsec, found.st_mtim.tv_nsec, found.st_ctim.tv_nsec, found.st_mode, found.st_nlink, found.st_uid,
		found.st_gid, 0, found.st_blksize, 0,
	};
	facts[13] = (uint32_t)((minor(found.st_rdev) & 0xff) | (major(found.st_rdev) << 8) | ((minor(found.st_rdev) & ~0xffU) << 12));
	facts[15] = (double)found.st_dev;
	memcpy(data, facts, sizeof(facts));
	return shim_result(env, 0);
}

/* birth(descriptor, time): when it was made, in seconds and nanoseconds, as doubles; 1, 0 where that is not known, or -errno */
static napi_value shim_birth(napi_env env, napi_callback_info info)
{
	int32_t descriptor;
	napi_value argv[2];
	struct statx found;
	uint8_t *data;

	if (!shim_arguments(env, info, 2, argv) || !shim_int32(env, argv[0], &descriptor) || !room_for(env, argv[1], 2, &data))
		return NULL;
	if (statx(descriptor, "", AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW, STATX_BTIME, &found) < 0)
		return shim_result(env, -1);
	const double time[2] = { (double)found.stx_btime.tv_sec, found.stx_btime.tv_nsec };
	memcpy(data, time, sizeof(time));
	return shim_result(env, (found.stx_mask & STATX_BTIME) != 0);
}

/* statfs(descriptor, facts): blocks, free, available, files, free files, block size, longest name, fragment size, as doubles */
static napi_value shim_statfs(napi_env env, napi_callback_info info)
{
	int32_t descriptor;
	napi_value argv[2];
	struct statfs found;
	uint8_t *data;

	if (!shim_arguments(env, info, 2, argv) || !shim_int32(env, argv[0], &descriptor) || !room_for(env, argv[1], 8, &data))
		return NULL;
	if (fstatfs(descriptor, &found) < 0)
		return shim_result(env, -1);
	const double facts[8] = { found.f_blocks, found.f_bfree,   found.f_bavail, found.f_files,
				  found.f_ffree,  found.f_bsize, found.f_namelen, found.f_frsize };
	memcpy(data, facts, sizeof(facts));
	return shim_result(env, 0);
}

/* readLink(descriptor, bytes, offset, length): the length of the target, or -errno */
static napi_value shim_read_link(napi_env env, napi_callback_info info)
{
	int32_t descriptor;
	napi_value argv[4];
	uint8_t *data;
	size_t length;

	if (!shim_arguments(env, info, 4, argv) || !shim_int32(env, argv[0], &descriptor) ||
	    !shim_range(env, argv[1], argv[2], argv[3], &data, &length))
		return NULL;
	return shim_result(env, readlinkat(descriptor, "", (char *)data, length));
}

/* changeMode(descriptor, mode) */
static napi_value shim_change_mode(napi_env env, napi_callback_info info)
{
	char path[DESCRIPTOR_PATH];
	int32_t descriptor, mode;

	if (!shim_int32s(env, info, &descriptor, &mode))
		return NULL;
	tree_descriptor_path(path, descriptor);
	return shim_result(env, fchmodat(AT_FDCWD, path, (mode_t)mode, 0));
}

/* changeOwner(descriptor, uid, gid): -1 leaves one as it is */
static napi_value shim_change_owner(napi_env env, napi_callback_info info)
{
	napi_value argv[3];
	int64_t uid, gid;
	int32_t descriptor;

	if (!shim_arguments(env, info, 3, argv) || !shim_int32(env, argv[0], &descriptor) || !shim_int64(env, argv[1], &uid) ||
	    !shim_int64(env, argv[2], &gid))
		return NULL;
	return shim_result(env, fchownat(descriptor, "", (uid_t)uid, (gid_t)gid, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW));
}

/* setTimes(descriptor, accessSeconds, accessNanoseconds, modificationSeconds, modificationNanoseconds): UTIME_NOW and UTIME_OMIT as nanoseconds */
static napi_value shim_set_times(napi_env env, napi_callback_info info)
{
	char path[DESCRIPTOR_PATH];
	struct timespec times[2];
	int64_t parts[4];
	napi_value argv[5];
	int32_t descriptor;

	if (!shim_arguments(env, info, 5, argv) || !shim_int32(env, argv[0], &descriptor))
		return NULL;
	for (int i = 0; i < 4; i++)
		if (!shim_int64(env, argv[i + 1], &parts[i]))
			return NULL;
	for (int i = 0; i < 2; i++)
		times[i] = (struct timespec){ .tv_sec = parts[2 * i], .tv_nsec = parts[2 * i + 1] };
	tree_descriptor_path(path, descriptor);
	return shim_result(env, utimensat(AT_FDCWD, path, times, 0));
}

/* getAttribute(descriptor, names, name, bytes, offset, length): the size of the value, or -errno; length 0 asks for the size */
static napi_value shim_get_attribute(napi_env env, napi_callback_info info)
{
	char path[DESCRIPTOR_PATH];
	int32_t descriptor;
	napi_value argv[6];
	const char *name;
	uint8_t *data;
	size_t length;

	if (!shim_arguments(env, info, 6, argv) || !shim_int32(env, argv[0], &descriptor) || !tree_text(env, argv[1], argv[2], &name) ||
	    !shim_range(env, argv[3], argv[4], argv[5], &data, &length))
		return NULL;
	tree_descriptor_path(path, descriptor);
	return shim_result(env, getxattr(path, name, data, length));
}

/* listAttributes(descriptor, bytes, offset, length): the size of all names, or -errno; length 0 asks for it */
static napi_value shim_list_attributes(napi_env env, napi_callback_info info)
{
	char path[DESCRIPTOR_PATH];
	int32_t descriptor;
	napi_value argv[4];
	uint8_t *data;
	size_t length;

	if (!shim_arguments(env, info, 4, argv) || !shim_int32(env, argv[0], &descriptor) ||
	    !shim_range(env, argv[1], argv[2], argv[3], &data, &length))
		return NULL;
	tree_descriptor_path(path, descriptor);
	return shim_result(env, listxattr(path, (char *)data, length));
}

/* setAttribute(descriptor, bytes, name, value, size, flags): name and value in the same array */
static napi_value shim_set_attribute(napi_env env, napi_callback_info info)
{
	char path[DESCRIPTOR_PATH];
	int32_t descriptor, flags;
	napi_value argv[6];
	const char *name;
	uint8_t *data;
	size_t length;

	if (!shim_arguments(env, info, 6, argv) || !shim_int32(env, argv[0], &descriptor) || !tree_text(env, argv[1], argv[2], &name) ||
	    !shim_range(env, argv[1], argv[3], argv[4], &data, &length) || !shim_int32(env, argv[5], &flags))
		return NULL;
	tree_descriptor_path(path, descriptor);
	return shim_result(env, setxattr(path, name, data, length, flags));
}

/* removeAttribute(descriptor, bytes, name) */
static napi_value shim_remove_attribute(napi_env env, napi_callback_info info)
{
	char path[DESCRIPTOR_PATH];
	int32_t descriptor;
	napi_value argv[3];
	const char *name;

	if (!shim_arguments(env, info, 3, argv) || !shim_int32(env, argv[0], &descriptor) || !tree_text(env, argv[1], argv[2], &name))
		return NULL;
	tree_descriptor_path(path, descriptor);
	return shim_result(env, removexattr(path, name));
}

void export_nodes(napi_env env, napi_value exports)
{
	shim_export(env, exports, "reopen", shim_reopen);
	shim_export(env, exports, "stat", shim_stat);
	shim_export(env, exports, "birth", shim_birth);
	shim_export(env, exports, "statfs", shim_statfs);
	shim_export(env, exports, "readLink", shim_read_link);
	shim_export(env, exports, "changeMode", shim_change_mode);
	shim_export(env, exports, "changeOwner", shim_change_owner);
	shim_export(env, exports, "setTimes", shim_set_times);
	shim_export(env, exports, "getAttribute", shim_get_attribute);
	shim_export(env, exports, "listAttributes", shim_list_attributes);
	shim_export(env, exports, "setAttribute", shim_set_attribute);
	shim_export(env, exports, "removeAttribute", shim_remove_attribute);
}
