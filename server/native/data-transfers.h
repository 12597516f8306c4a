#ifndef FUSE4FS_DATA_TRANSFERS_H
#define FUSE4FS_DATA_TRANSFERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Zeroed, page-aligned, in no core dump, since people's files pass through it; its pages cost nothing until they are used. NULL: errno. */
uint8_t *memory_for_data(size_t length);

/* Who waited for it may be gone, and so may the connection. */
void send_message(int32_t channel, const uint8_t *message, size_t length);

/* The calling thread is the one that is woken when something fails. */
void wake_on_failures(void);

/* For whoever asks what has failed (takeFailure), who is woken. */
void note_failed_transfer(bool writing, double tag, double position, double length, int error);

#endif
