#ifndef FUSE4FS_DATA_THREADS_H
#define FUSE4FS_DATA_THREADS_H

#include <stdbool.h>

/* For whoever asks what has failed (takeFailure), who is woken. */
void note_failed_transfer(bool writing, double tag, double position, double length, int error);

#endif
