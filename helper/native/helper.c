/*
 * System calls that mounting needs and Node does not offer: the mount API, the ioctls of block
 * devices and of /dev/fuse, file locks, and a few of unix sockets. Each function is one system call,
 * or the few that only make sense together.
 */
#include <fcntl.h>
#include <linux/fs.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "../../native/shim.h"
#include "user-namespace.h"

/* From linux/fuse.h, which older headers lack. */
#define FUSE_CLONE_IOCTL _IOR(229, 0, uint32_t)
/* The iomap extension's: no released kernel has it. */
#define FUSE_ADD_IOMAP_IOCTL _IO(229, 101)

/* open_tree(2) and its family have these numbers on every architecture but alpha. */
#define NR_MOVE_MOUNT 429
#define NR_FSOPEN 430
#define NR_FSCONFIG 431
#define NR_FSMOUNT 432
#define NR_CLOSE_RANGE 436

enum { PATH_SIZE = 4097, VALUE_SIZE = 4097 };

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

/* blockDevice(fd, result: Float64Array(3)): bytes, logical sector size, read-only */
static napi_value shim_block_device(napi_env env, napi_callback_info info)
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
	napi_value argv[1];
	int32_t fd;

	if (!shim_arguments(env, info, 1, argv) || !shim_int32(env, argv[0], &fd))
		return NULL;
	return shim_result(env, ioctl(fd, NS_GET_PARENT));
}

/* namespaceMaker(fd): the user who made an opened user namespace */
static napi_value shim_namespace_maker(napi_env env, napi_callback_info info)
{
	napi_value argv[1];
	int32_t fd;
	uid_t maker = 0;

	if (!shim_arguments(env, info, 1, argv) || !shim_int32(env, argv[0], &fd))
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

static napi_value shim_duplicate(napi_env env, napi_callback_info info)
{
	napi_value argv[1];
	int32_t fd;

	if (!shim_arguments(env, info, 1, argv) || !shim_int32(env, argv[0], &fd))
		return NULL;
	return shim_result(env, fcntl(fd, F_DUPFD_CLOEXEC, 0));
}

static napi_value shim_change_directory(napi_env env, napi_callback_info info)
{
	int32_t fd;

	if (!shim_int32s(env, info, &fd))
		return NULL;
	return shim_result(env, fchdir(fd));
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

static napi_value shim_seals(napi_env env, napi_callback_info info)
{
	int32_t fd;

	if (!shim_int32s(env, info, &fd))
		return NULL;
	return shim_result(env, fcntl(fd, F_GET_SEALS));
}

/* setBlockSize(fd, bytes): the unit in which the kernel caches a block device */
static napi_value shim_set_block_size(napi_env env, napi_callback_info info)
{
	int32_t fd, bytes;

	if (!shim_int32s(env, info, &fd, &bytes))
		return NULL;
	return shim_result(env, ioctl(fd, BLKBSZSET, &bytes));
}

/* sealedFile(name, contents): a file in memory that nobody can change any more */
static napi_value shim_sealed_file(napi_env env, napi_callback_info info)
{
	napi_value argv[2];
	char name[64];
	uint8_t *contents;
	size_t length, written = 0;
	int fd;

	if (!shim_arguments(env, info, 2, argv) || !shim_string(env, argv[0], name, sizeof(name)) ||
	    !shim_bytes(env, argv[1], &contents, &length))
		return NULL;
	fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd < 0)
		return shim_result(env, -1);
	while (written < length) {
		ssize_t count = write(fd, contents + written, length - written);

		if (count < 0)
			return shim_failed(env, fd);
		written += (size_t)count;
	}
	if (fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) == 0)
		return shim_result(env, fd);
	return shim_failed(env, fd);
}

static napi_value shim_flock(napi_env env, napi_callback_info info)
{
	int32_t fd, operation;

	if (!shim_int32s(env, info, &fd, &operation))
		return NULL;
	return shim_result(env, flock(fd, operation));
}

/* Every descriptor from `first` on: close-on-exec, also those that our caller left open in us. */
static napi_value shim_close_on_exec_from(napi_env env, napi_callback_info info)
{
	int32_t first;

	if (!shim_int32s(env, info, &first))
		return NULL;
	return shim_result(env, syscall(NR_CLOSE_RANGE, first, ~0U, 4 /* CLOSE_RANGE_CLOEXEC */));
}

static bool unix_address(napi_env env, napi_value path, struct sockaddr_un *address)
{
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	return shim_string(env, path, address->sun_path, sizeof(address->sun_path));
}

/* A listening stream socket that only its owner may connect to. */
static napi_value shim_listen_stream(napi_env env, napi_callback_info info)
{
	napi_value argv[1];
	struct sockaddr_un address;
	int fd;

	if (!shim_arguments(env, info, 1, argv) || !unix_address(env, argv[0], &address))
		return NULL;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return shim_result(env, -1);
	/* The mode of the socket becomes that of its name, so that there is no moment with another one. */
	if (fchmod(fd, 0600) < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(fd, 16) < 0)
		return shim_failed(env, fd);
	return shim_result(env, fd);
}

static napi_value shim_connect_stream(napi_env env, napi_callback_info info)
{
	napi_value argv[2];
	struct sockaddr_un address;
	int32_t milliseconds;
	int fd, yes = 1;

	if (!shim_arguments(env, info, 2, argv) || !unix_address(env, argv[0], &address) ||
	    !shim_int32(env, argv[1], &milliseconds))
		return NULL;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return shim_result(env, -1);
	struct timeval timeout = { .tv_sec = milliseconds / 1000, .tv_usec = milliseconds % 1000 * 1000 };
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &yes, sizeof(yes)) < 0 ||
	    connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return shim_failed(env, fd);
	return shim_result(env, fd);
}

static napi_value shim_socketpair_stream(napi_env env, napi_callback_info info)
{
	napi_value argv[1];
	uint8_t *ends;
	size_t length;

	if (!shim_arguments(env, info, 1, argv) || !shim_bytes(env, argv[0], &ends, &length))
		return NULL;
	if (length != 2 * sizeof(int)) {
		napi_throw_type_error(env, NULL, "expected 8 bytes");
		return NULL;
	}
	return shim_result(env, socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, (int *)(void *)ends));
}

/*
 * receiveStream(fd, buffer, about: Uint8Array(8)): bytes read. `about` gets two int32: the pid of the
 * sender, vouched for by the kernel, in our pid namespace (0: unknown), and a descriptor that came
 * along (-1: none; a second one is closed).
 */
static napi_value shim_receive_stream(napi_env env, napi_callback_info info)
{
	napi_value argv[3];
	int32_t fd, about[2] = { 0, -1 };
	uint8_t *data, *result;
	size_t length, result_length;
	union {
		char bytes[CMSG_SPACE(sizeof(struct ucred)) + CMSG_SPACE(4 * sizeof(int))];
		struct cmsghdr align;
	} control;

	if (!shim_arguments(env, info, 3, argv) || !shim_int32(env, argv[0], &fd) ||
	    !shim_bytes(env, argv[1], &data, &length) || !shim_bytes(env, argv[2], &result, &result_length))
		return NULL;
	if (result_length != sizeof(about)) {
		napi_throw_type_error(env, NULL, "expected 8 bytes");
		return NULL;
	}
	struct iovec part = { .iov_base = data, .iov_len = length };
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof(control.bytes),
	};
	ssize_t received = recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
	if (received < 0)
		return shim_result(env, -1);
	for (struct cmsghdr *item = CMSG_FIRSTHDR(&message); item; item = CMSG_NXTHDR(&message, item)) {
		if (item->cmsg_level != SOL_SOCKET)
			continue;
		if (item->cmsg_type == SCM_CREDENTIALS) {
			struct ucred sender;
			__builtin_memcpy(&sender, CMSG_DATA(item), sizeof(sender));
			about[0] = sender.pid;
		} else if (item->cmsg_type == SCM_RIGHTS) {
			size_t count = (item->cmsg_len - CMSG_LEN(0)) / sizeof(int);
			for (size_t i = 0; i < count; i++) {
				int descriptor;
				__builtin_memcpy(&descriptor, CMSG_DATA(item) + i * sizeof(int), sizeof(int));
				if (about[1] < 0)
					about[1] = descriptor;
				else
					close(descriptor);
			}
		}
	}
	__builtin_memcpy(result, about, sizeof(about));
	return shim_result(env, received);
}

static const int interrupts[] = { SIGINT, SIGTERM, SIGHUP };
enum { INTERRUPTS = sizeof(interrupts) / sizeof(*interrupts) };

static struct sigaction uninterrupted[INTERRUPTS];
static int interrupted_status;
static char interrupted_unlink[PATH_SIZE];
static char interrupted_unmount[PATH_SIZE];

/* Only system calls that signal-safety(7) allows. */
static void interrupted(int signal)
{
	(void)signal;
	if (*interrupted_unmount)
		umount2(interrupted_unmount, MNT_DETACH);
	if (*interrupted_unlink)
		unlink(interrupted_unlink);
	_exit(interrupted_status);
}

/*
 * exitWhenInterrupted(status, unlink, unmount): what SIGINT, SIGTERM and SIGHUP do from now on, also
 * while the thread is blocked in a system call. Status 0: what they did before.
 */
static napi_value shim_exit_when_interrupted(napi_env env, napi_callback_info info)
{
	napi_value argv[3];
	sigset_t blocked, before;
	int32_t status;
	bool understood;

	if (!shim_arguments(env, info, 3, argv) || !shim_int32(env, argv[0], &status))
		return NULL;
	sigemptyset(&blocked);
	for (size_t i = 0; i < INTERRUPTS; i++)
		sigaddset(&blocked, interrupts[i]);
	pthread_sigmask(SIG_BLOCK, &blocked, &before);
	understood = shim_string(env, argv[1], interrupted_unlink, sizeof(interrupted_unlink)) &&
		     shim_string(env, argv[2], interrupted_unmount, sizeof(interrupted_unmount));
	for (size_t i = 0; understood && i < INTERRUPTS; i++) {
		struct sigaction action = { .sa_handler = interrupted };

		if (status == 0 && interrupted_status != 0)
			sigaction(interrupts[i], &uninterrupted[i], NULL);
		else if (status != 0)
			sigaction(interrupts[i], &action, interrupted_status == 0 ? &uninterrupted[i] : NULL);
	}
	if (understood)
		interrupted_status = status;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return understood ? shim_result(env, 0) : NULL;
}

NAPI_MODULE_INIT()
{
	shim_export(env, exports, "fsopen", shim_fsopen);
	shim_export(env, exports, "fsconfig", shim_fsconfig);
	shim_export(env, exports, "fsmount", shim_fsmount);
	shim_export(env, exports, "attach", shim_attach);
	shim_export(env, exports, "mount", shim_mount);
	shim_export(env, exports, "umount2", shim_umount2);
	shim_export(env, exports, "deviceNumber", shim_device_number);
	shim_export(env, exports, "fuseClone", shim_fuse_clone);
	shim_export(env, exports, "fuseAddIomap", shim_fuse_add_iomap);
	shim_export(env, exports, "blockDevice", shim_block_device);
	shim_export(env, exports, "enterNamespace", shim_enter_namespace);
	shim_export(env, exports, "namespaceType", shim_namespace_type);
	shim_export(env, exports, "namespaceOwner", shim_namespace_owner);
	shim_export(env, exports, "namespaceParent", shim_namespace_parent);
	shim_export(env, exports, "namespaceMaker", shim_namespace_maker);
	shim_export(env, exports, "fuseInside", shim_fuse_inside);
	shim_export(env, exports, "duplicate", shim_duplicate);
	shim_export(env, exports, "changeDirectory", shim_change_directory);
	shim_export(env, exports, "mountId", shim_mount_id);
	shim_export(env, exports, "seals", shim_seals);
	shim_export(env, exports, "setBlockSize", shim_set_block_size);
	shim_export(env, exports, "sealedFile", shim_sealed_file);
	shim_export(env, exports, "flock", shim_flock);
	shim_export(env, exports, "closeOnExecFrom", shim_close_on_exec_from);
	shim_export(env, exports, "listenStream", shim_listen_stream);
	shim_export(env, exports, "connectStream", shim_connect_stream);
	shim_export(env, exports, "socketpairStream", shim_socketpair_stream);
	shim_export(env, exports, "receiveStream", shim_receive_stream);
	shim_export(env, exports, "exitWhenInterrupted", shim_exit_when_interrupted);
	return exports;
}
