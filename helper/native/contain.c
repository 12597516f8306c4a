/*
 * Starts a program that can reach nothing:
 *
 *   contain [--files] UID GID SHOW [SHOW ...] -- PROGRAM [ARGUMENT ...]
 *
 * in its own user, mount, pid, network, ipc, uts and cgroup namespaces, as UID and GID, without
 * capabilities and without a way to get any, and with a root in which only the SHOWn files and
 * directories exist, read-only, each where it is outside ("/a/b"), or elsewhere ("/a/b=/c"). The
 * paths outside must be free of symbolic links.
 *
 * The program inherits descriptors 0 to 3 and the environment. This process stays outside, as UID,
 * waits for the program, passes signals on to it (SIGQUIT as SIGKILL), and ends as it ended. If it is
 * killed, so is the program. Descriptor 4 is a socket to the caller: what fails before the program
 * runs is written to it, and if the caller goes before it has written a byte, the program is killed.
 *
 * Started by root, the namespaces belong to the namespace of the caller, and only the user namespace
 * of the program is below it: so root may show what UID cannot reach, and UID owns nothing. Started
 * by another user, UID and GID must be that user's, and the kernel must allow it user namespaces.
 *
 * With --files the program works on other people's files, by descriptors that it is given: it sees its
 * own descriptors in /proc, and as root (UID and GID 0) its user namespace has all users,
 * with the capabilities to make, own and change files for them, and no other. They count for files only:
 * what belongs to the whole machine, device nodes for example, asks for those of the namespace outside.
 *
 * No library calls that read configuration, no PATH, no shell.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SOCKET = 3, REPORT = 4, FAILED = 70, PATH_SIZE = 4096, MAP_SIZE = 4096 };

/* CHOWN, DAC_OVERRIDE, DAC_READ_SEARCH, FOWNER, FSETID, SETGID, SETUID, SETFCAP */
#define FOR_FILES (1UL << 0 | 1UL << 1 | 1UL << 2 | 1UL << 3 | 1UL << 4 | 1UL << 6 | 1UL << 7 | 1UL << 31)

#define OLD_ROOT "/.outside"
#define OTHER_NAMESPACES (CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP)

static volatile sig_atomic_t program;

__attribute__((noreturn, format(printf, 1, 2))) static void fail(const char *format, ...)
{
	char message[PATH_SIZE + 256];
	int error = errno, length;
	va_list arguments;

	va_start(arguments, format);
	length = vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	if (error && length > 0 && (size_t)length < sizeof(message))
		length += snprintf(message + length, sizeof(message) - (size_t)length, ": %s", strerror(error));
	if (length > 0 && write(REPORT, message, (size_t)length < sizeof(message) ? (size_t)length : sizeof(message)) < 0)
		_exit(FAILED);
	_exit(FAILED);
}

static unsigned long number(const char *text)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || *end || end == text || value >= 0xffffffffUL) {
		errno = EINVAL;
		fail("not a user or group number: %s", text);
	}
	return value;
}

static void write_to(int directory, const char *path, const char *text)
{
	int fd = openat(directory, path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		fail("writing /proc/%s", path);
	close(fd);
}

/* The user namespace of `process` ("self" or a pid) knows one user and one group: the program's. */
static void map_user(int proc, const char *process, unsigned long uid, unsigned long gid, bool deny_groups)
{
	char path[64], map[64];

	if (deny_groups) {
		snprintf(path, sizeof(path), "%s/setgroups", process);
		write_to(proc, path, "deny");
	}
	snprintf(path, sizeof(path), "%s/uid_map", process);
	snprintf(map, sizeof(map), "%lu %lu 1\n", uid, uid);
	write_to(proc, path, map);
	snprintf(path, sizeof(path), "%s/gid_map", process);
	snprintf(map, sizeof(map), "%lu %lu 1\n", gid, gid);
	write_to(proc, path, map);
}

/* All users of this namespace, each as who it is here. */
static void map_everybody(int proc, const char *process, const char *kind)
{
	char path[64], text[MAP_SIZE], map[MAP_SIZE];
	unsigned long inside, outside, count;
	size_t length = 0;
	ssize_t size;
	int fd;

	snprintf(path, sizeof(path), "self/%s", kind);
	fd = openat(proc, path, O_RDONLY | O_CLOEXEC);
	size = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (size < 0)
		fail("reading /proc/%s", path);
	close(fd);
	text[size] = '\0';
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		if (sscanf(line, "%lu %lu %lu", &inside, &outside, &count) == 3 && length + 64 < sizeof(map))
			length += (size_t)snprintf(map + length, sizeof(map) - length, "%lu %lu %lu\n", inside, inside, count);
	snprintf(path, sizeof(path), "%s/%s", process, kind);
	write_to(proc, path, map);
}

static void make_parents(const char *path)
{
	char parent[PATH_SIZE];

	snprintf(parent, sizeof(parent), "%s", path);
	for (char *slash = strchr(parent + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(parent, 0755) < 0 && errno != EEXIST)
			fail("making %s", parent);
		*slash = '/';
	}
}

/* The flags that a mount already has must be given again: the kernel would not let some be taken away. */
static unsigned long kept_flags(const char *path)
{
	struct statvfs facts;
	unsigned long flags = 0;

	if (statvfs(path, &facts) < 0)
		fail("statvfs of %s", path);
	if (facts.f_flag & ST_NOEXEC)
		flags |= MS_NOEXEC;
	if (facts.f_flag & ST_NOATIME)
		flags |= MS_NOATIME;
	if (facts.f_flag & ST_NODIRATIME)
		flags |= MS_NODIRATIME;
	if (facts.f_flag & ST_RELATIME)
		flags |= MS_RELATIME;
	return flags;
}

static void show(const char *what)
{
	char source[PATH_SIZE], target[PATH_SIZE];
	const char *equals = strchr(what, '=');
	size_t length = equals ? (size_t)(equals - what) : strlen(what);
	struct stat facts;
	int fd;

	errno = 0;
	if (*what != '/' || length + sizeof(OLD_ROOT) > sizeof(source) || (equals && equals[1] != '/'))
		fail("not an absolute path: %s", what);
	snprintf(source, sizeof(source), OLD_ROOT "%.*s", (int)length, what);
	snprintf(target, sizeof(target), "%s", equals ? equals + 1 : what);
	if (stat(source, &facts) < 0)
		fail("%.*s", (int)length, what);
	make_parents(target);
	if (S_ISDIR(facts.st_mode)) {
		if (mkdir(target, 0755) < 0 && errno != EEXIST)
			fail("making %s", target);
	} else {
		fd = open(target, O_CREAT | O_WRONLY | O_CLOEXEC | O_NOFOLLOW, 0444);
		if (fd < 0)
			fail("making %s", target);
		close(fd);
	}
	if (mount(source, target, NULL, MS_BIND, NULL) < 0 ||
	    mount(NULL, target, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | kept_flags(target), NULL) < 0)
		fail("showing %.*s", (int)length, what);
}

/*
 * A small tmpfs takes the place of the root. It is mounted on /proc only because that directory
 * exists for certain: pivot_root moves it away, and the whole old tree is seen below OLD_ROOT.
 */
static void build_root(char **shown, char **end, bool files)
{
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		fail("making mounts private");
	if (mount("fuse4fs", "/proc", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755,size=1m") < 0 || chdir("/proc") < 0)
		fail("mounting a root");
	if (mkdir("." OLD_ROOT, 0700) < 0 || syscall(SYS_pivot_root, ".", "." OLD_ROOT) < 0 || chdir("/") < 0)
		fail("pivot_root");
	if (files && mkdir("/proc", 0555) < 0)
		fail("making /proc");
	while (shown < end)
		show(*shown++);
}

static void leave_old_root(void)
{
	if (umount2(OLD_ROOT, MNT_DETACH) < 0 || rmdir(OLD_ROOT) < 0)
		fail("leaving the old root");
	if (mount(NULL, "/", NULL, MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV, NULL) < 0)
		fail("making the root read-only");
}

/* For good: as a user with these capabilities, and without a way to get others through execve. */
static void become(unsigned long uid, unsigned long gid, unsigned long kept)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct held[_LINUX_CAPABILITY_U32S_3] = { { .effective = (uint32_t)kept, .permitted = (uint32_t)kept } };

	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	for (unsigned long capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++)
		if (capability >= 32 || !(kept & 1UL << capability))
			prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
	if (setresgid(gid, gid, gid) < 0 || setresuid(uid, uid, uid) < 0)
		fail("becoming user %lu", uid);
	if (syscall(SYS_capset, &header, held) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		fail("dropping capabilities");
}

/*
 * Node since 22 has its event loops talk to epoll through io_uring, and cannot do without once it has begun.
 * The program, which could do anything through a ring past its own seccomp filter, must not have one from the start.
 */
static void refuse_io_uring(void)
{
	struct sock_filter program[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 425 /* io_uring_setup, everywhere */, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = { .len = sizeof(program) / sizeof(*program), .filter = program };

	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) < 0)
		fail("refusing io_uring");
}

/* Of a process of its own namespace, without the machine's settings. */
static void mount_proc(void)
{
	if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, "subset=pid") < 0)
		fail("mounting /proc");
}

/* SIGQUIT is for us: it ends the program at once, and us when it has ended. */
static void pass_on(int signal)
{
	if (program > 0)
		kill(program, signal == SIGQUIT ? SIGKILL : signal);
}

static void close_all_but_report(void)
{
	if (syscall(436 /* close_range */, REPORT + 1, ~0U, 0) < 0)
		for (int fd = REPORT + 1; fd < 1024; fd++)
			close(fd);
	for (int fd = 0; fd < REPORT; fd++)
		close(fd);
}

static void on_child(int signal)
{
	(void)signal;
}

/* Until the caller has written its byte, its end is the program's end. */
static int wait_for_program(void)
{
	struct pollfd caller = { .fd = REPORT, .events = POLLIN };
	sigset_t child, before;
	int status = 0;
	pid_t ended;
	char byte;

	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	sigprocmask(SIG_BLOCK, &child, &before);
	sigaction(SIGCHLD, &(struct sigaction){ .sa_handler = on_child }, NULL);
	while ((ended = waitpid(program, &status, WNOHANG)) == 0) {
		/* SIGCHLD can only arrive in here, so the end of the program is never missed. */
		if (ppoll(&caller, 1, NULL, &before) <= 0)
			continue;
		if (read(REPORT, &byte, 1) != 1)
			kill(program, SIGKILL);
		/* Nothing more is expected from there. */
		close(REPORT);
		caller.fd = -1;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(int argc, char **argv)
{
	static const int passed_on[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGUSR2, SIGQUIT };
	const struct rlimit no_core = { 0, 0 };
	bool root = geteuid() == 0, files = argc > 1 && !strcmp(argv[1], "--files");
	char **end, name[16], byte = 0;
	unsigned long uid, gid;
	int proc, unshared[2], mapped[2];

	errno = 0;
	argv += files;
	argc -= files;
	end = argv + 3;
	while (end < argv + argc && strcmp(*end, "--"))
		end++;
	if (argc < 5 || end >= argv + argc - 1)
		fail("usage: contain UID GID SHOW... -- PROGRAM...");
	uid = number(argv[1]);
	gid = number(argv[2]);
	errno = 0;
	if ((uid == 0 || gid == 0) && !(files && root && uid == gid))
		fail("the program must not be root");

	proc = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (proc < 0 || fcntl(REPORT, F_SETFD, FD_CLOEXEC) < 0)
		fail("starting");
	/* In case the kernel writes back through the program: its memory must not wait for that. Best effort. */
	prctl(57 /* PR_SET_IO_FLUSHER */, 1, 0, 0, 0);
	if (root && setgroups(0, NULL) < 0)
		fail("dropping groups");
	if (!root) {
		if (unshare(CLONE_NEWUSER) < 0)
			fail("making a user namespace");
		map_user(proc, "self", uid, gid, true);
	}
	if (unshare(OTHER_NAMESPACES) < 0)
		fail("making namespaces");
	sethostname("fuse4fs", 7);
	build_root(argv + 3, end, files);
	if (!files)
		leave_old_root();

	if (pipe2(unshared, O_CLOEXEC) < 0 || pipe2(mapped, O_CLOEXEC) < 0)
		fail("pipe");
	program = fork();
	if (program < 0)
		fail("fork");
	if (program == 0) {
		close(mapped[1]);
		if (files) {
			/* Who is root of a user namespace only may do so as long as he sees the old one. */
			mount_proc();
			leave_old_root();
		}
		if (root) {
			if (unshare(CLONE_NEWUSER) < 0)
				fail("making a user namespace");
			if (write(unshared[1], &byte, 1) != 1 || read(mapped[0], &byte, 1) != 1)
				_exit(FAILED);
			/* No user namespaces below this one. Best effort: /proc may be read-only. */
			int limit = openat(proc, "sys/user/max_user_namespaces", O_WRONLY | O_CLOEXEC);
			if (limit >= 0 && write(limit, "0", 1) == 1)
				close(limit);
		}
		become(uid, gid, uid == 0 ? FOR_FILES : 0);
		refuse_io_uring();
		setrlimit(RLIMIT_CORE, &no_core);
		if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0)
			fail("prctl");
		/* Where close_range is missing (before 5.9), the helper has seen to it that nothing else is inherited. */
		syscall(436 /* close_range */, REPORT, ~0U, 4 /* CLOSE_RANGE_CLOEXEC */);
		execv(end[1], end + 1);
		fail("starting %s", end[1]);
	}

	close(unshared[1]);
	if (root && read(unshared[0], &byte, 1) == 1) {
		snprintf(name, sizeof(name), "%d", (int)program);
		if (uid == 0) {
			map_everybody(proc, name, "uid_map");
			map_everybody(proc, name, "gid_map");
		} else {
			map_user(proc, name, uid, gid, false);
		}
		if (write(mapped[1], &byte, 1) != 1)
			_exit(FAILED);
	}
	become(uid, gid, 0);
	for (size_t i = 0; i < sizeof(passed_on) / sizeof(*passed_on); i++)
		sigaction(passed_on[i], &(struct sigaction){ .sa_handler = pass_on }, NULL);
	/* The other end of the socket must notice when the program is gone, and a log must be able to end. */
	close_all_but_report();
	return wait_for_program();
}
