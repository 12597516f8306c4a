/* Making mounts, attaching and ending them, and telling them apart. */
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "helper.h"

/* open_tree(2) and its family have these numbers on every architecture but alpha. */
#define NR_OPEN_TREE 428
#define NR_MOVE_MOUNT 429
#define NR_FSOPEN 430
#define NR_FSCONFIG 431
#define NR_FSMOUNT 432
#define NR_MOUNT_SETATTR 442

enum { VALUE_SIZE = 4097 };

static napi_value shim_fsopen(napi_env env, napi_callback_info info)
{
	napi_value argv[1];
	char type[64];

	if (!shim_arguments(env, info, 1, argv) || !shim_string(env, argv[0], type, sizeof(type)))
		return NULL;
	return shim_result(env, syscall(NR_FSOPEN, type, 1 /* FSOPEN_CLOEXEC */));
}

/* fsconfig(fd, command, key, value): empty strings stand for NULL. */
static napi_value shim_fsconfig(napi_env env, napi_callback_info info)
{
	napi_value argv[4];
	int32_t fd, command;
	char key[256], value[VALUE_SIZE];

	if (!shim_arguments(env, info, 4, argv) || !shim_int32(env, argv[0], &fd) || !shim_int32(env, argv[1], &command) ||
	    !shim_string(env, argv[2], key, sizeof(key)) || !shim_string(env, argv[3], value, sizeof(value)))
		return NULL;
	return shim_result(env, syscall(NR_FSCONFIG, fd, command, *key ? key : NULL, *value ? value : NULL, 0));
}

static napi_value shim_fsmount(napi_env env, napi_callback_info info)
{
	int32_t fd, attributes;

	if (!shim_int32s(env, info, &fd, &attributes))
		return NULL;
	return shim_result(env, syscall(NR_FSMOUNT, fd, 1 /* FSMOUNT_CLOEXEC */, attributes));
}

/* Attaches a detached mount to an opened mount point. */
static napi_value shim_attach(napi_env env, napi_callback_info info)
{
	int32_t mount, target;

	if (!shim_int32s(env, info, &mount, &target))
		return NULL;
	/* MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH */
	return shim_result(env, syscall(NR_MOVE_MOUNT, mount, "", target, "", 0x04 | 0x40));
}

/*
 * cloneTree(fd, set, clear): a detached mount of the directory alone, without what is mounted below it, and with
 * these attributes changed.
 */
static napi_value shim_clone_tree(napi_env env, napi_callback_info info)
{
	struct {
		uint64_t set, clear, propagation, user_namespace;
	} attributes = { 0 };
	int32_t fd, set, clear, tree;

	if (!shim_int32s(env, info, &fd, &set, &clear))
		return NULL;
	tree = (int32_t)syscall(NR_OPEN_TREE, fd, "", AT_EMPTY_PATH | 1 /* OPEN_TREE_CLONE */ | O_CLOEXEC);
	attributes.set = (uint32_t)set;
	attributes.clear = (uint32_t)clear;
	/* What is mounted in the directory later does not appear in it either. */
	attributes.propagation = MS_PRIVATE;
	if (tree < 0 || syscall(NR_MOUNT_SETATTR, tree, "", AT_EMPTY_PATH, &attributes, sizeof(attributes)) == 0)
		return shim_result(env, tree);
	return shim_failed(env, tree);
}

static napi_value shim_mount(napi_env env, napi_callback_info info)
{
	napi_value argv[5];
	char source[PATH_SIZE], target[PATH_SIZE], type[64], data[VALUE_SIZE];
	int32_t flags;

	if (!shim_arguments(env, info, 5, argv) || !shim_string(env, argv[0], source, sizeof(source)) ||
	    !shim_string(env, argv[1], target, sizeof(target)) || !shim_string(env, argv[2], type, sizeof(type)) ||
	    !shim_int32(env, argv[3], &flags) || !shim_string(env, argv[4], data, sizeof(data)))
		return NULL;
	return shim_result(env, mount(source, target, type, (unsigned long)(uint32_t)flags, data));
}

static napi_value shim_umount2(napi_env env, napi_callback_info info)
{
	napi_value argv[2];
	char target[PATH_SIZE];
	int32_t flags;

	if (!shim_arguments(env, info, 2, argv) || !shim_string(env, argv[0], target, sizeof(target)) ||
	    !shim_int32(env, argv[1], &flags))
		return NULL;
	return shim_result(env, umount2(target, flags));
}

/* mountId(fd, name): of what `name` in the directory leads to, links not followed; of the descriptor itself for "" */
static napi_value shim_mount_id(napi_env env, napi_callback_info info)
{
	napi_value argv[2];
	int32_t fd;
	char name[256];
	struct statx attributes;

	if (!shim_arguments(env, info, 2, argv) || !shim_int32(env, argv[0], &fd) || !shim_string(env, argv[1], name, sizeof(name)))
		return NULL;
	/* Nothing is asked for but the mount, so that no filesystem is asked. */
	if (statx(fd, name, AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT | AT_STATX_DONT_SYNC, 0, &attributes) < 0)
		return shim_result(env, -1);
	return shim_result(env, (int64_t)attributes.stx_mnt_id);
}

void export_mounts(napi_env env, napi_value exports)
{
	shim_export(env, exports, "fsopen", shim_fsopen);
	shim_export(env, exports, "fsconfig", shim_fsconfig);
	shim_export(env, exports, "fsmount", shim_fsmount);
	shim_export(env, exports, "attach", shim_attach);
	shim_export(env, exports, "cloneTree", shim_clone_tree);
	shim_export(env, exports, "mount", shim_mount);
	shim_export(env, exports, "umount2", shim_umount2);
	shim_export(env, exports, "mountId", shim_mount_id);
}
