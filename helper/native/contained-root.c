#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "contain-report.h"
#include "contained-root.h"

enum { PATH_SIZE = 4096 };

/* Where the whole old tree is seen, until it is left. */
#define OLD_ROOT "/.outside"

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

/* It is mounted on /proc only because that directory exists for certain: pivot_root moves it away. */
void build_contained_root(char **shown, char **end, bool files)
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

void leave_old_root(void)
{
	if (umount2(OLD_ROOT, MNT_DETACH) < 0 || rmdir(OLD_ROOT) < 0)
		fail("leaving the old root");
	if (mount(NULL, "/", NULL, MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV, NULL) < 0)
		fail("making the root read-only");
}

void mount_contained_proc(void)
{
	if (mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, "subset=pid") < 0)
		fail("mounting /proc");
}
