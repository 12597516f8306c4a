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
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "contain-report.h"
#include "contained-rights.h"
#include "contained-root.h"

#define OTHER_NAMESPACES (CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP)

static volatile sig_atomic_t program;

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
	build_contained_root(argv + 3, end, files);
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
			mount_contained_proc();
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
		become(uid, gid, uid == 0 ? CAPABILITIES_FOR_FILES : 0);
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
