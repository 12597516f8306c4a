/* What is done to one name in an open directory. A name is one component: nothing here walks a path. */
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include "tree.h"

/* The kernel of the mount sends no such names; whatever comes, ".." must never lead out. */
static bool is_component(const char *name)
{
	if (*name == '\0' || strchr(name, '/') || !strcmp(name, ".") || !strcmp(name, "..")) {
		errno = EINVAL;
		return false;
	}
	return true;
}

/*
 * A directory that was open when it was moved out of the tree is still open: the kernel finds no way up from it then,
 * since its mount's root is above it no longer (path_connected()). What the root itself has above it is itself.
 */
static bool is_in_tree(int directory)
{
	struct stat found;

	if (fstatat(directory, "..", &found, AT_NO_AUTOMOUNT) == 0)
		return true;
	errno = ESTALE;
	return false;
}

static bool can_have(int directory, const char *name)
{
	return is_component(name) && is_in_tree(directory);
}

/* A directory, and a name in it. */
static bool name_arguments(napi_env env, napi_value *argv, int32_t *directory, const char **name)
{
	return shim_int32(env, argv[0], directory) && tree_text(env, argv[1], argv[2], name);
}

/* openBelow(directory, bytes, name, flags, mode): a descriptor. Symbolic links are not followed, and no mount is entered */
static napi_value shim_open_below(napi_env env, napi_callback_info info)
{
	struct open_how how = { .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV };
	int32_t directory, flags, mode;
	napi_value argv[5];
	const char *name;

	if (!shim_arguments(env, info, 5, argv) || !name_arguments(env, argv, &directory, &name) || !shim_int32(env, argv[3], &flags) ||
	    !shim_int32(env, argv[4], &mode))
		return NULL;
	if (!can_have(directory, name))
		return shim_result(env, -1);
	how.flags = (uint32_t)flags | O_CLOEXEC | O_NOFOLLOW;
	how.mode = (uint32_t)mode;
	return shim_result(env, syscall(SYS_openat2, directory, name, &how, sizeof(how)));
}

/* openUnnamed(directory, flags, mode): a descriptor of a file that has no name yet */
static napi_value shim_open_unnamed(napi_env env, napi_callback_info info)
{
	struct open_how how = { .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_SYMLINKS };
	int32_t directory, flags, mode;

	if (!shim_int32s(env, info, &directory, &flags, &mode))
		return NULL;
	if (!is_in_tree(directory))
		return shim_result(env, -1);
	how.flags = (uint32_t)flags | O_CLOEXEC | O_TMPFILE;
	how.mode = (uint32_t)mode;
	return shim_result(env, syscall(SYS_openat2, directory, ".", &how, sizeof(how)));
}

/* isInTree(directory): 0, or -ESTALE where it was moved out */
static napi_value shim_is_in_tree(napi_env env, napi_callback_info info)
{
	int32_t directory;

	if (!shim_int32s(env, info, &directory))
		return NULL;
	return shim_result(env, is_in_tree(directory) ? 0 : -1);
}

/* makeDirectory(directory, bytes, name, mode) */
static napi_value shim_make_directory(napi_env env, napi_callback_info info)
{
	int32_t directory, mode;
	napi_value argv[4];
	const char *name;

	if (!shim_arguments(env, info, 4, argv) || !name_arguments(env, argv, &directory, &name) || !shim_int32(env, argv[3], &mode))
		return NULL;
	return shim_result(env, can_have(directory, name) ? mkdirat(directory, name, (mode_t)mode) : -1);
}

/* makeNode(directory, bytes, name, mode, device): the device as FUSE has it, minor in the low 8 and high 12 bits */
static napi_value shim_make_node(napi_env env, napi_callback_info info)
{
	int32_t directory, mode;
	napi_value argv[5];
	int64_t device;
	const char *name;

	if (!shim_arguments(env, info, 5, argv) || !name_arguments(env, argv, &directory, &name) || !shim_int32(env, argv[3], &mode) ||
	    !shim_int64(env, argv[4], &device))
		return NULL;
	return shim_result(env, can_have(directory, name) ? mknodat(directory, name, (mode_t)mode,
							     makedev((device >> 8) & 0xfff, (device & 0xff) | ((device >> 12) & 0xfff00)))
						   : -1);
}

/* makeSymlink(directory, bytes, name, target): both texts in the same array */
static napi_value shim_make_symlink(napi_env env, napi_callback_info info)
{
	const char *name, *target;
	int32_t directory;
	napi_value argv[4];

	if (!shim_arguments(env, info, 4, argv) || !name_arguments(env, argv, &directory, &name) || !tree_text(env, argv[1], argv[3], &target))
		return NULL;
	return shim_result(env, can_have(directory, name) ? symlinkat(target, directory, name) : -1);
}

/* link(descriptor, directory, bytes, name): one more name for what is open */
static napi_value shim_link(napi_env env, napi_callback_info info)
{
	char path[DESCRIPTOR_PATH];
	int32_t descriptor, directory;
	napi_value argv[4];
	const char *name;

	if (!shim_arguments(env, info, 4, argv) || !shim_int32(env, argv[0], &descriptor) || !name_arguments(env, argv + 1, &directory, &name))
		return NULL;
	tree_descriptor_path(path, descriptor);
	return shim_result(env, can_have(directory, name) ? linkat(AT_FDCWD, path, directory, name, AT_SYMLINK_FOLLOW) : -1);
}

/* remove(directory, bytes, name, isDirectory) */
static napi_value shim_remove(napi_env env, napi_callback_info info)
{
	int32_t directory, is_directory;
	napi_value argv[4];
	const char *name;

	if (!shim_arguments(env, info, 4, argv) || !name_arguments(env, argv, &directory, &name) || !shim_int32(env, argv[3], &is_directory))
		return NULL;
	return shim_result(env, can_have(directory, name) ? unlinkat(directory, name, is_directory ? AT_REMOVEDIR : 0) : -1);
}

/* rename(directory, bytes, name, newDirectory, newName, flags): both names in the same array */
static napi_value shim_rename(napi_env env, napi_callback_info info)
{
	int32_t directory, new_directory, flags;
	const char *name, *new_name;
	napi_value argv[6];

	if (!shim_arguments(env, info, 6, argv) || !name_arguments(env, argv, &directory, &name) || !shim_int32(env, argv[3], &new_directory) ||
	    !tree_text(env, argv[1], argv[4], &new_name) || !shim_int32(env, argv[5], &flags))
		return NULL;
	return shim_result(env, can_have(directory, name) && can_have(new_directory, new_name)
					? syscall(SYS_renameat2, directory, name, new_directory, new_name, flags)
					: -1);
}

void export_names(napi_env env, napi_value exports)
{
	shim_export(env, exports, "openBelow", shim_open_below);
	shim_export(env, exports, "isInTree", shim_is_in_tree);
	shim_export(env, exports, "openUnnamed", shim_open_unnamed);
	shim_export(env, exports, "makeDirectory", shim_make_directory);
	shim_export(env, exports, "makeNode", shim_make_node);
	shim_export(env, exports, "makeSymlink", shim_make_symlink);
	shim_export(env, exports, "link", shim_link);
	shim_export(env, exports, "remove", shim_remove);
	shim_export(env, exports, "rename", shim_rename);
}
