/*
 * Two filters of system calls. The first holds from the start: a flat alphabetical list of what a
 * server needs, and after it the calls of which it needs only some uses. The second is laid over it
 * when the server serves: nothing is looked up or opened any more, and no thread is started. What is refused fails
 * with EPERM, or is logged where that was asked for. A server of a directory tree has longer lists: it opens files,
 * by the descriptor of the tree.
 *
 * The list is what Node 20 to 24 use with worker threads, synchronous and asynchronous files, and
 * inherited sockets; each line that is not plainly about memory, threads or descriptors says what it
 * is for.
 */
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/fs.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "filter-program.h"
#include "landlock.h"
#include "seccomp.h"

#if defined(__x86_64__)
#define THIS_ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define THIS_ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

static const int allowed[] = {
	SYS_accept4, /* status connections */
#ifdef SYS_access
	SYS_access,
#endif
	SYS_brk,
	SYS_capget, /* whether the environment can be trusted */
	SYS_clock_getres,
	SYS_clock_gettime,
	SYS_clock_nanosleep,
	SYS_close,
	SYS_dup,
	SYS_dup3,
#ifdef SYS_epoll_create
	SYS_epoll_create,
#endif
	SYS_epoll_create1,
	SYS_epoll_ctl,
	SYS_epoll_pwait,
#ifdef SYS_epoll_wait
	SYS_epoll_wait,
#endif
	SYS_eventfd2,
	SYS_exit,
	SYS_exit_group,
	SYS_fadvise64,
	SYS_fallocate, /* discard on image files */
	SYS_fdatasync,
	SYS_flock, /* an image that no helper has locked */
	SYS_fstat,
	SYS_fsync,
	SYS_ftruncate,
	SYS_futex,
	SYS_getcwd,
	SYS_getegid,
	SYS_geteuid,
	SYS_getgid,
	SYS_getpid,
	SYS_getppid,
	SYS_getrandom,
	SYS_getrusage,
	SYS_getsockname,
	SYS_getsockopt,
	SYS_gettid,
	SYS_gettimeofday,
	SYS_getuid,
	SYS_listen, /* Node listens again on the status socket it inherited */
	SYS_lseek,
	SYS_madvise,
	SYS_membarrier,
	SYS_mprotect, /* V8 compiles */
	SYS_mremap,
	SYS_munmap,
	SYS_nanosleep,
	SYS_newfstatat,
#ifdef SYS_pipe2
	SYS_pipe2,
#endif
	SYS_pkey_alloc,
	SYS_pkey_free,
	SYS_pkey_mprotect,
#ifdef SYS_poll
	SYS_poll,
#endif
	SYS_ppoll,
	SYS_pread64,
	SYS_preadv,
	SYS_preadv2,
	SYS_pwrite64,
	SYS_pwritev,
	SYS_pwritev2,
	SYS_read,
	SYS_readahead,
#ifdef SYS_readlink
	SYS_readlink,
#endif
	SYS_readlinkat,
	SYS_readv,
	SYS_recvfrom,
	SYS_recvmsg, /* descriptors from the helper */
	SYS_restart_syscall,
	SYS_rseq,
	SYS_rt_sigaction,
	SYS_rt_sigprocmask,
	SYS_rt_sigreturn,
	SYS_sched_getaffinity,
	SYS_sched_yield,
	SYS_seccomp, /* the second filter */
	SYS_sendmsg,
	SYS_sendto, /* sd_notify */
	SYS_set_robust_list,
	SYS_setsockopt,
	SYS_shutdown,
	SYS_sigaltstack,
	SYS_statx,
	SYS_sync_file_range, /* data that the server has written, where the kernel moves all other */
	SYS_sysinfo,
	SYS_uname,
	SYS_write,
	SYS_writev,
};

/* What a server of a directory tree needs beside those; landlock_* only until it serves. */
static const int allowed_on_trees[] = {
	SYS_capset, /* what setfsuid takes from a thread that only makes files for others */
	SYS_copy_file_range,
	SYS_fchmodat,
	SYS_fchownat,
	SYS_fgetxattr,
	SYS_fstatfs,
	SYS_getdents64,
	SYS_getxattr,
	SYS_linkat,
	SYS_listxattr,
	SYS_mkdirat,
	SYS_mknodat,
	SYS_openat2, /* beneath the tree, and what /proc/self/fd shows */
	SYS_removexattr,
	SYS_renameat2,
	SYS_setfsgid,
	SYS_setfsuid,
	SYS_setxattr,
	SYS_symlinkat,
	SYS_syncfs,
	SYS_umask,
	SYS_unlinkat,
	SYS_utimensat,
	LANDLOCK_CREATE_RULESET,
	LANDLOCK_ADD_RULE,
	LANDLOCK_RESTRICT_SELF,
};

/*
 * All of ioctl(2) that is needed: non-blocking descriptors, "is it a terminal?", discard, what kind of
 * device one is, which libfuse's mount helper does not say, and on /dev/fuse what the iomap extension
 * asks for: BACKING_OPEN, IOMAP_SUPPORT, SET_NOFS, BACKING_SET_BLOCKSIZE.
 */
static const unsigned int allowed_ioctls[] = {
	FIOCLEX, FIONBIO, FIONCLEX, TCGETS, BLKDISCARD, BLKZEROOUT, BLKGETSIZE64, BLKROGET, BLKSSZGET,
	0x4010e501, 0x8010e563, 0x4004e564, 0x4008e566,
};

/* Nothing by which a descriptor would send signals, or hold up somebody else. */
static const unsigned int allowed_fcntls[] = { F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL, F_SETFL };

#ifndef PR_SET_VMA
#define PR_SET_VMA 0x53564d41
#endif

/* Names of threads and of memory. */
static const unsigned int allowed_prctls[] = { PR_SET_NAME, PR_GET_NAME, PR_SET_VMA };

/* openat(2) is for modules and /proc/self/stat: nothing is opened for writing, or made. */
#define FORBIDDEN_OPEN_FLAGS (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)

/* Threads, but no processes, and none that lives elsewhere than the others. */
#define FORBIDDEN_CLONE_FLAGS \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | CLONE_PTRACE | CLONE_VFORK)

/* Of a server that serves: all modules are loaded, and all threads run. */
static const int no_longer_needed[] = {
#ifdef SYS_access
	SYS_access,
#endif
	SYS_clone,
	SYS_clone3,
	SYS_getcwd,
	SYS_openat,
#ifdef SYS_readlink
	SYS_readlink,
#endif
	SYS_seccomp,
};

/*
 * With those, no call is left that takes a path: the two by which libraries look at a descriptor would look at any name
 * as well, where there is something to be seen, as in a container that podman has furnished.
 */
static const int no_longer_needed_on_images[] = {
	SYS_newfstatat,
	SYS_readlinkat,
	SYS_statx,
};

/* A tree goes on being looked at by descriptor; no thread is confined any more. */
static const int no_longer_needed_on_trees[] = {
	LANDLOCK_CREATE_RULESET,
	LANDLOCK_ADD_RULE,
	LANDLOCK_RESTRICT_SELF,
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A limit may be asked for, one's own, and not set. */
static void allow_asking_for_limits(struct filter_program *program)
{
	static const unsigned int zero[] = { ARGUMENT(0), ARGUMENT(2), ARGUMENT(2) + 4 };

	filter_for_call(program, SYS_prlimit64, 3 * COUNT(zero) + 1);
	for (size_t i = 0; i < COUNT(zero); i++) {
		filter_load(program, zero[i]);
		filter_put(program, BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0);
		filter_answer(program, program->refusal);
	}
	filter_answer(program, SECCOMP_RET_ALLOW);
}

static void answer_calls(struct filter_program *program, const int *calls, size_t count, unsigned int value)
{
	for (size_t i = 0; i < count; i++)
		filter_answer_call(program, calls[i], value);
}

static void write_starting(struct filter_program *program, bool tree)
{
	const unsigned int own_process[] = { (unsigned int)getpid() };

	answer_calls(program, allowed, COUNT(allowed), SECCOMP_RET_ALLOW);
	if (tree)
		answer_calls(program, allowed_on_trees, COUNT(allowed_on_trees), SECCOMP_RET_ALLOW);
	filter_allow_values(program, SYS_ioctl, 1, allowed_ioctls, COUNT(allowed_ioctls));
	filter_allow_values(program, SYS_fcntl, 1, allowed_fcntls, COUNT(allowed_fcntls));
	filter_allow_values(program, SYS_prctl, 0, allowed_prctls, COUNT(allowed_prctls));
	/* To wake the filesystem thread, and abort(). */
	filter_allow_values(program, SYS_tgkill, 0, own_process, 1);
	filter_allow_without(program, SYS_openat, 2, FORBIDDEN_OPEN_FLAGS);
	/* Neither the device nor memory that limits do not count. */
	filter_allow_without(program, SYS_mmap, 3, MAP_SHARED);
	allow_asking_for_limits(program);
	/* clone's flags can be looked at, clone3's cannot, and libc then uses clone. */
	filter_answer_call(program, SYS_clone3, SECCOMP_RET_ERRNO | ENOSYS);
	filter_for_call(program, SYS_clone, 5);
	filter_load(program, ARGUMENT(0));
	filter_put(program, BPF_JMP | BPF_JSET | BPF_K, FORBIDDEN_CLONE_FLAGS, 2, 0);
	filter_put(program, BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 0, 1);
	filter_answer(program, SECCOMP_RET_ALLOW);
	filter_answer(program, program->refusal);

	filter_answer(program, program->refusal);
}

static void write_serving(struct filter_program *program, bool tree)
{
	answer_calls(program, no_longer_needed, COUNT(no_longer_needed), program->refusal);
	if (tree)
		answer_calls(program, no_longer_needed_on_trees, COUNT(no_longer_needed_on_trees), program->refusal);
	else
		answer_calls(program, no_longer_needed_on_images, COUNT(no_longer_needed_on_images), program->refusal);
	filter_answer(program, SECCOMP_RET_ALLOW);
}

napi_value shim_seccomp(napi_env env, napi_callback_info info)
{
	int32_t serving, tree, log_only;

	if (!shim_int32s(env, info, &serving, &tree, &log_only))
		return NULL;
#ifndef THIS_ARCHITECTURE
	errno = ENOSYS;
	return shim_result(env, -1);
#else
	struct filter_program program = { .refusal = log_only ? SECCOMP_RET_LOG : SECCOMP_RET_ERRNO | EPERM };
	struct sock_fprog filter = { .filter = program.instructions };
	long result;

	filter_begin(&program, THIS_ARCHITECTURE);
	if (serving)
		write_serving(&program, tree);
	else
		write_starting(&program, tree);
	filter.len = program.length;
	/* TSYNC: the threads that Node has already started are bound too; it returns one that could not be. */
	result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &filter);
	if (result > 0) {
		errno = ESRCH;
		result = -1;
	}
	return shim_result(env, result);
#endif
}
