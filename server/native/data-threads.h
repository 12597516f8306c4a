#ifndef FUSE4FS_DATA_THREADS_H
#define FUSE4FS_DATA_THREADS_H

#include <stdbool.h>

/* Transfers of the device's open file become direct, and are so no longer: whoever reads meanwhile tries again where that cannot be. */
void data_threads_direct(bool begins);

#endif
