/*
 * The system calls that a server needs once it runs, as one flat alphabetical list. Everything else
 * fails with EPERM, or is logged where that was asked for. The list is what Node 20 to 24 use with
 * worker threads, synchronous and asynchronous files, and inherited sockets; each line that is not
 * plainly about memory, threads or descriptors says what it is for.
 */
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/fs.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

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
	SYS_fcntl,
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
	SYS_mmap,
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
	SYS_prctl, /* thread names */
	SYS_pread64,
	SYS_preadv,
	SYS_preadv2,
	SYS_prlimit64, /* what a thread's stack may be */
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
	SYS_sendmsg,
	SYS_sendto, /* sd_notify */
	SYS_set_robust_list,
	SYS_setsockopt,
	SYS_shutdown,
	SYS_sigaltstack,
	SYS_statx,
	SYS_sysinfo,
	SYS_tgkill, /* to wake the filesystem thread, and abort() */
	SYS_uname,
	SYS_write,
	SYS_writev,
};

/*
 * All of ioctl(2) that is needed: non-blocking descriptors, "is it a terminal?", discard, and what kind of
 * device one is, which libfuse's mount helper does not say.
 */
static const unsigned int allowed_ioctls[] = {
	FIOCLEX, FIONBIO, FIONCLEX, TCGETS, BLKDISCARD, BLKZEROOUT, BLKGETSIZE64, BLKROGET, BLKSSZGET,
};

/* openat(2) is for modules and /proc/self/stat: nothing is opened for writing, or made. */
#define FORBIDDEN_OPEN_FLAGS (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MOST_INSTRUCTIONS (4 + 2 * COUNT(allowed) + 7 + 5 + 3 + 2 * COUNT(allowed_ioctls) + 1)
#define ARGUMENT(number) (offsetof(struct seccomp_data, args) + 8 * (number))

static struct sock_filter statement(unsigned short code, unsigned int value)
{
	return (struct sock_filter){ code, 0, 0, value };
}

/* Goes on with the next instruction if the accumulator passes the test, else skips `otherwise` of them. */
static struct sock_filter test(unsigned short how, unsigned int value, unsigned char otherwise)
{
	return (struct sock_filter){ BPF_JMP | how | BPF_K, 0, otherwise, value };
}

napi_value shim_seccomp(napi_env env, napi_callback_info info)
{
#ifndef THIS_ARCHITECTURE
	(void)info;
	errno = ENOSYS;
	return shim_result(env, -1);
#else
	struct sock_filter program[MOST_INSTRUCTIONS];
	struct sock_fprog filter = { .filter = program };
	unsigned int refuse = SECCOMP_RET_ERRNO | EPERM;
	napi_value argv[1];
	int32_t log_only;
	size_t n = 0;

	if (!shim_arguments(env, info, 1, argv) || !shim_int32(env, argv[0], &log_only))
		return NULL;
	if (log_only)
		refuse = SECCOMP_RET_LOG;

	program[n++] = statement(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
	program[n++] = (struct sock_filter){ BPF_JMP | BPF_JEQ | BPF_K, 1, 0, THIS_ARCHITECTURE };
	program[n++] = statement(BPF_RET, SECCOMP_RET_KILL_PROCESS);
	program[n++] = statement(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < COUNT(allowed); i++) {
		program[n++] = test(BPF_JEQ, (unsigned int)allowed[i], 1);
		program[n++] = statement(BPF_RET, SECCOMP_RET_ALLOW);
	}

	/* Threads, but no processes: clone's flags can be looked at, clone3's cannot, and libc then uses clone. */
	program[n++] = test(BPF_JEQ, SYS_clone3, 1);
	program[n++] = statement(BPF_RET, SECCOMP_RET_ERRNO | ENOSYS);
	program[n++] = test(BPF_JEQ, SYS_clone, 4);
	program[n++] = statement(BPF_LD | BPF_W | BPF_ABS, ARGUMENT(0));
	program[n++] = test(BPF_JSET, CLONE_THREAD, 1);
	program[n++] = statement(BPF_RET, SECCOMP_RET_ALLOW);
	program[n++] = statement(BPF_RET, refuse);

	program[n++] = test(BPF_JEQ, SYS_openat, 4);
	program[n++] = statement(BPF_LD | BPF_W | BPF_ABS, ARGUMENT(2));
	program[n++] = test(BPF_JSET, FORBIDDEN_OPEN_FLAGS, 1);
	program[n++] = statement(BPF_RET, refuse);
	program[n++] = statement(BPF_RET, SECCOMP_RET_ALLOW);

	program[n++] = (struct sock_filter){ BPF_JMP | BPF_JEQ | BPF_K, 1, 0, SYS_ioctl };
	program[n++] = statement(BPF_RET, refuse);
	program[n++] = statement(BPF_LD | BPF_W | BPF_ABS, ARGUMENT(1));
	for (size_t i = 0; i < COUNT(allowed_ioctls); i++) {
		program[n++] = test(BPF_JEQ, allowed_ioctls[i], 1);
		program[n++] = statement(BPF_RET, SECCOMP_RET_ALLOW);
	}
	program[n++] = statement(BPF_RET, refuse);

	filter.len = (unsigned short)n;
	/* TSYNC: the threads that Node has already started are bound too. */
	return shim_result(env, syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &filter));
#endif
}
