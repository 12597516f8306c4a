/* Going where another process is. */
#include <linux/nsfs.h>
#include <sched.h>
#include <sys/ioctl.h>

#include "helper.h"
#include "user-namespace.h"

/*
 * enterNamespace(fd, type): this thread alone goes into the namespace, and for a mount namespace its root and
 * directory become those of the namespace.
 */
static napi_value shim_enter_namespace(napi_env env, napi_callback_info info)
{
	int32_t fd, type;

	if (!shim_int32s(env, info, &fd, &type))
		return NULL;
	return shim_result(env, unshare(CLONE_FS) < 0 ? -1 : setns(fd, type));
}

/* namespaceType(fd): CLONE_NEW* of an opened namespace */
static napi_value shim_namespace_type(napi_env env, napi_callback_info info)
{
	int32_t fd;

	if (!shim_int32s(env, info, &fd))
		return NULL;
	return shim_result(env, ioctl(fd, NS_GET_NSTYPE));
}

/* namespaceOwner(fd): a descriptor of the user namespace that an opened namespace belongs to */
static napi_value shim_namespace_owner(napi_env env, napi_callback_info info)
{
	int32_t fd;

	if (!shim_int32s(env, info, &fd))
		return NULL;
	return shim_result(env, ioctl(fd, NS_GET_USERNS));
}

/* namespaceParent(fd): a descriptor of the user namespace in which an opened one was made; EPERM above our own */
static napi_value shim_namespace_parent(napi_env env, napi_callback_info info)
{
	int32_t fd;

	if (!shim_int32s(env, info, &fd))
		return NULL;
	return shim_result(env, ioctl(fd, NS_GET_PARENT));
}

/* namespaceMaker(fd): the user who made an opened user namespace */
static napi_value shim_namespace_maker(napi_env env, napi_callback_info info)
{
	int32_t fd;
	uid_t maker = 0;

	if (!shim_int32s(env, info, &fd))
		return NULL;
	return shim_result(env, ioctl(fd, NS_GET_OWNER_UID, &maker) < 0 ? -1 : (int64_t)maker);
}

/* fuseInside(userNamespace, mountNamespace, milliseconds, opened: Uint8Array(8)): see user-namespace.h */
static napi_value shim_fuse_inside(napi_env env, napi_callback_info info)
{
	napi_value argv[4];
	int32_t user_namespace, mount_namespace, milliseconds;
	uint8_t *opened;
	size_t length;

	if (!shim_arguments(env, info, 4, argv) || !shim_int32(env, argv[0], &user_namespace) ||
	    !shim_int32(env, argv[1], &mount_namespace) || !shim_int32(env, argv[2], &milliseconds) ||
	    !shim_bytes(env, argv[3], &opened, &length))
		return NULL;
	if (length != FUSE_INSIDE_DESCRIPTORS * sizeof(int)) {
		napi_throw_type_error(env, NULL, "expected 8 bytes");
		return NULL;
	}
	return shim_result(env, fuse_inside(user_namespace, mount_namespace, milliseconds, (int *)(void *)opened));
}

static napi_value shim_change_directory(napi_env env, napi_callback_info info)
{
	int32_t fd;

	if (!shim_int32s(env, info, &fd))
		return NULL;
	return shim_result(env, fchdir(fd));
}

void export_namespaces(napi_env env, napi_value exports)
{
	shim_export(env, exports, "enterNamespace", shim_enter_namespace);
	shim_export(env, exports, "namespaceType", shim_namespace_type);
	shim_export(env, exports, "namespaceOwner", shim_namespace_owner);
	shim_export(env, exports, "namespaceParent", shim_namespace_parent);
	shim_export(env, exports, "namespaceMaker", shim_namespace_maker);
	shim_export(env, exports, "fuseInside", shim_fuse_inside);
	shim_export(env, exports, "changeDirectory", shim_change_directory);
}
