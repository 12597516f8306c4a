#ifndef FUSE4FS_DATA_WRITES_H
#define FUSE4FS_DATA_WRITES_H

#include <stdint.h>

/* How many writes have been begun, ever. */
uint64_t data_writes_begun(void);

/* Returns when the first `count` writes have ended: 0, or the errno of one of new blocks that failed, once. */
int await_data_writes(uint64_t count);

/* Returns when no write is under way anywhere in a range of the device. */
void await_data_write(double position, double length);

#endif
