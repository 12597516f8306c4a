#ifndef FUSE4FS_WRITE_JOB_H
#define FUSE4FS_WRITE_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a thread has to write, as it comes from JavaScript (session/data-writes.ts). Numbers are doubles: bytes, and positions on the device. */

enum { MOST_PIECES = 64, DONE_SIZE = 24, FAILED_SIZE = 16 };

/* Where it goes, and where it lies in the memory that comes with the job. */
struct piece {
	double position, length, from;
};

struct write_job {
	/* What is sent when all is written, and what is sent if it cannot be. */
	uint8_t done[DONE_SIZE], failed[FAILED_SIZE];
	/* For whoever hears of a failure. */
	double tag;
	/* Not 0: the blocks held something else before. */
	double fresh;
	double count;
	struct piece pieces[MOST_PIECES];
};

/* Of a job, without the pieces that it does not have. */
size_t size_of_write_job(const struct write_job *job);

/* Bytes in all its pieces. */
double length_of_write_job(const struct write_job *job);

/*
 * Whether a thread can do it without looking at it any more: in `length` bytes of JavaScript's, the data within
 * `available` bytes, and no more of it than `largest`.
 */
bool is_sound_write_job(const struct write_job *job, size_t length, size_t available, size_t largest);

/* Whether O_DIRECT takes it from there. */
bool write_job_lies_on_pages(const struct write_job *job, const uint8_t *memory);

/* Whether it writes anything in that range of the device. */
bool write_job_overlaps(const struct write_job *job, double position, double length);

#endif
