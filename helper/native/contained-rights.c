#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "contain-report.h"
#include "contained-rights.h"

enum { MAP_SIZE = 4096 };

static void write_to(int directory, const char *path, const char *text)
{
	int fd = openat(directory, path, O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		fail("writing /proc/%s", path);
	close(fd);
}

void map_user(int proc, const char *process, unsigned long uid, unsigned long gid, bool deny_groups)
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

void map_everybody(int proc, const char *process, const char *kind)
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

void become(unsigned long uid, unsigned long gid, unsigned long kept)
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

void refuse_io_uring(void)
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
