/* On whose behalf the calling thread makes files. */
#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "tree.h"

/*
 * actAs(uid, gid, umask): files that this thread makes belong to them. Whoever may make one was decided before, so the
 * capabilities are kept that the kernel takes from a thread that is root no longer.
 */
static napi_value shim_act_as(napi_env env, napi_callback_info info)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct held[_LINUX_CAPABILITY_U32S_3];
	int64_t uid, gid, mask;
	napi_value argv[3];

	if (!shim_arguments(env, info, 3, argv) || !shim_int64(env, argv[0], &uid) || !shim_int64(env, argv[1], &gid) ||
	    !shim_int64(env, argv[2], &mask))
		return NULL;
	umask((mode_t)mask & 0777);
	if (uid == 0 && gid == 0)
		return shim_result(env, 0);
	/* The bare calls: libc would change all threads. They return what was before, whether they worked or not. */
	syscall(SYS_setfsgid, (uint32_t)gid);
	syscall(SYS_setfsuid, (uint32_t)uid);
	if ((uint32_t)syscall(SYS_setfsgid, -1) != (uint32_t)gid || (uint32_t)syscall(SYS_setfsuid, -1) != (uint32_t)uid) {
		errno = EPERM;
		return shim_result(env, -1);
	}
	if (syscall(SYS_capget, &header, held) < 0)
		return shim_result(env, -1);
	for (int i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
		held[i].effective = held[i].permitted;
	return shim_result(env, syscall(SYS_capset, &header, held));
}

/* actAsRoot(): back again */
static napi_value shim_act_as_root(napi_env env, napi_callback_info info)
{
	(void)info;
	syscall(SYS_setfsuid, 0);
	syscall(SYS_setfsgid, 0);
	return shim_result(env, 0);
}

void export_identity(napi_env env, napi_value exports)
{
	shim_export(env, exports, "actAs", shim_act_as);
	shim_export(env, exports, "actAsRoot", shim_act_as_root);
}
