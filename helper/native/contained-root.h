#ifndef FUSE4FS_CONTAINED_ROOT_H
#define FUSE4FS_CONTAINED_ROOT_H

#include <stdbool.h>

/* The root of a process with a mount namespace of its own, which ends the process where it cannot be made (contain-report.h). */

/*
 * A small tmpfs takes the place of the root, and has in it what is shown: [shown, end) are "/a/b" or "/a/b=/c". The old root
 * can still be seen, which leave_old_root() ends.
 * @files: there is a place for mount_contained_proc().
 */
void build_contained_root(char **shown, char **end, bool files);

/* From here on there is nothing but what was shown, read-only. */
void leave_old_root(void);

/* Of a process of its own pid namespace, without the machine's settings. */
void mount_contained_proc(void);

#endif
