#ifndef FUSE4FS_CONTAINED_RIGHTS_H
#define FUSE4FS_CONTAINED_RIGHTS_H

#include <stdbool.h>

/* Who a process is, and what it may do; each ends the process where it cannot be (contain-report.h). */

/* CHOWN, DAC_OVERRIDE, DAC_READ_SEARCH, FOWNER, FSETID, SETGID, SETUID, SETFCAP */
#define CAPABILITIES_FOR_FILES (1UL << 0 | 1UL << 1 | 1UL << 2 | 1UL << 3 | 1UL << 4 | 1UL << 6 | 1UL << 7 | 1UL << 31)

/*
 * The user namespace of `process` ("self" or a pid) knows one user and one group: the program's.
 * @proc: a descriptor of /proc.
 */
void map_user(int proc, const char *process, unsigned long uid, unsigned long gid, bool deny_groups);

/* All users or groups of this namespace, each as who it is here; `kind` is uid_map or gid_map. */
void map_everybody(int proc, const char *process, const char *kind);

/* For good: as a user with these capabilities, a mask of the first 32, and without a way to get others through execve. */
void become(unsigned long uid, unsigned long gid, unsigned long kept);

/*
 * Node since 22 has its event loops talk to epoll through io_uring, and cannot do without once it has begun.
 * The program, which could do anything through a ring past its own seccomp filter, must not have one from the start.
 */
void refuse_io_uring(void);

#endif
