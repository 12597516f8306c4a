/*
 * System calls on a directory tree beneath a descriptor. No filesystem or protocol logic: each returns its result or a
 * negative errno.
 */
#include <stdio.h>

#include "tree.h"

void tree_descriptor_path(char path[DESCRIPTOR_PATH], int descriptor)
{
	snprintf(path, DESCRIPTOR_PATH, "/proc/self/fd/%d", descriptor);
}
