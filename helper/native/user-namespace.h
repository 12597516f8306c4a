/* What has to be done in another user namespace, by a process of its own. */
#ifndef FUSE4FS_USER_NAMESPACE_H
#define FUSE4FS_USER_NAMESPACE_H

enum { FUSE_INSIDE_DEVICE, FUSE_INSIDE_CONTEXT, FUSE_INSIDE_DESCRIPTORS };

/*
 * Opens /dev/fuse, where it is here, and a context of the filesystem "fuse", both in the name of a user
 * namespace: the kernel asks who opened them, and not who has them. 0, or -1 with errno.
 */
int fuse_inside(int user_namespace, int mount_namespace, int milliseconds, int descriptors[FUSE_INSIDE_DESCRIPTORS]);

#endif
