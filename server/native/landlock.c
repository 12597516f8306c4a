/*
 * Landlock: what this process may still reach through names. The constants are the kernel's
 * (linux/landlock.h), which the headers of older systems lack; what a kernel does not know yet is left
 * out by its version.
 */
#include <fcntl.h>
#include <limits.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "landlock.h"

enum { ASK_FOR_VERSION = 1, PATH_BENEATH = 1, ALL_THREADS = 1 << 3 };
enum { VERSION_WITH_REFER = 2, WITH_TRUNCATE = 3, WITH_NETWORK = 4, WITH_DEVICE_IOCTL = 5, WITH_SCOPES = 6, WITH_ALL_THREADS = 8 };

#define READ_FILE (UINT64_C(1) << 2)
#define READ_DIRECTORY (UINT64_C(1) << 3)
#define FIRST_RIGHTS ((UINT64_C(1) << 13) - 1)
#define REFER (UINT64_C(1) << 13)
#define TRUNCATE (UINT64_C(1) << 14)
#define DEVICE_IOCTL (UINT64_C(1) << 15)
#define BIND_AND_CONNECT UINT64_C(3)
#define ABSTRACT_SOCKETS UINT64_C(1)
#define ABSTRACT_SOCKETS_AND_SIGNALS UINT64_C(3)

/* In the place of a descriptor: no tree, and walls for all threads. */
enum { NO_TREE = -1 };

struct handled {
	uint64_t files;
	uint64_t network;
	uint64_t scopes;
};

struct beneath {
	uint64_t allowed;
	int32_t parent;
} __attribute__((packed));

/* Size of `handled` as that version knows it. */
static size_t handled_by(long version, struct handled *handled)
{
	*handled = (struct handled){ .files = FIRST_RIGHTS, .network = BIND_AND_CONNECT, .scopes = ABSTRACT_SOCKETS_AND_SIGNALS };
	if (version >= VERSION_WITH_REFER)
		handled->files |= REFER;
	if (version >= WITH_TRUNCATE)
		handled->files |= TRUNCATE;
	if (version >= WITH_DEVICE_IOCTL)
		handled->files |= DEVICE_IOCTL;
	return version >= WITH_SCOPES ? sizeof(*handled) : version >= WITH_NETWORK ? 2 * sizeof(uint64_t) : sizeof(uint64_t);
}

static long allow_reading(int ruleset, const char *directory)
{
	struct beneath rule = { .allowed = READ_FILE | READ_DIRECTORY };
	long result;

	if (*directory == '\0')
		return 0;
	rule.parent = open(directory, O_PATH | O_CLOEXEC);
	if (rule.parent < 0)
		return -1;
	result = syscall(LANDLOCK_ADD_RULE, ruleset, PATH_BENEATH, &rule, 0);
	close(rule.parent);
	return result;
}

/* All that can be done to files, but for talking to devices, beneath an open directory. Device nodes take a capability. */
static long allow_working(int ruleset, const struct handled *handled, int directory)
{
	struct beneath rule = { .allowed = handled->files & ~DEVICE_IOCTL, .parent = directory };

	return directory < 0 ? 0 : syscall(LANDLOCK_ADD_RULE, ruleset, PATH_BENEATH, &rule, 0);
}

/* landlockVersion(): what the kernel has, or -errno */
napi_value shim_landlock_version(napi_env env, napi_callback_info info)
{
	(void)info;
	return shim_result(env, syscall(LANDLOCK_CREATE_RULESET, NULL, 0, ASK_FOR_VERSION));
}

napi_value shim_landlock(napi_env env, napi_callback_info info)
{
	char directories[2][PATH_MAX];
	struct handled handled;
	napi_value argv[3];
	long version, result;
	int32_t tree;
	size_t size;
	int ruleset;

	if (!shim_arguments(env, info, 3, argv) || !shim_string(env, argv[0], directories[0], PATH_MAX) ||
	    !shim_string(env, argv[1], directories[1], PATH_MAX) || !shim_int32(env, argv[2], &tree))
		return NULL;
	version = syscall(LANDLOCK_CREATE_RULESET, NULL, 0, ASK_FOR_VERSION);
	if (version < 0)
		return shim_result(env, -1);
	size = handled_by(version, &handled);
	/* Threads with walls of their own must still be able to wake each other; seccomp keeps signals in the process. */
	if (tree != NO_TREE)
		handled.scopes &= ABSTRACT_SOCKETS;
	ruleset = (int)syscall(LANDLOCK_CREATE_RULESET, &handled, size, 0);
	if (ruleset < 0)
		return shim_result(env, -1);
	result = allow_reading(ruleset, directories[0]);
	if (result == 0)
		result = allow_reading(ruleset, directories[1]);
	if (result == 0)
		result = allow_working(ruleset, &handled, tree);
	if (result == 0)
		result = syscall(LANDLOCK_RESTRICT_SELF, ruleset, version >= WITH_ALL_THREADS && tree == NO_TREE ? ALL_THREADS : 0);
	close(ruleset);
	return shim_result(env, result < 0 ? -1 : version);
}
