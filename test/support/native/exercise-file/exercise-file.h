#ifndef EXERCISE_FILE_H
#define EXERCISE_FILE_H

#include <stdint.h>
#include <sys/types.h>

#include "../random.h"

#define FILES 5
#define ROOM (1 << 20)
#define SECTOR 512
#define PAGE 4096

struct file {
	char name[16];
	/* Where its data starts, and how much there may be: the smallest stays in its inode, where that is possible. */
	off_t base, most;
	/* From `base` on; bytes at and beyond `size` are zeros. */
	unsigned char *model;
	off_t size;
	int fd, direct;
	int attribute;
};

extern struct file files[FILES];
/* How many operations have begun. */
extern long operation;
/* ROOM bytes each: one that operations may fill, aligned for direct I/O, and one that holds what they write. */
extern unsigned char *buffer, *fresh;
/* What the filesystem does for fallocate(2), or does not. */
extern int extents, collapse, no_zeroing;

/* 0 where there is nothing below the limit. */
static inline off_t below(off_t limit)
{
	return limit <= 0 ? 0 : (off_t)(word() % (uint64_t)limit);
}

/* model.c: what the files should hold, and what was done to them. */

/* Says what the operation does, for whoever reads of its failure. */
__attribute__((format(printf, 1, 2))) void note(const char *format, ...);
/* Prints what was done last, and ends the program. */
__attribute__((noreturn, format(printf, 2, 3))) void fail(const struct file *file, const char *format, ...);
void must(const struct file *file, const char *what, int ok);
off_t end_of(const struct file *file);
void resized(struct file *file, off_t size);
void filled(struct file *file, off_t offset, const unsigned char *data, off_t length);
/* Something else each time. */
const unsigned char *data_of(off_t length);
void open_file(struct file *file);
void close_file(struct file *file);
void compare(const struct file *file, const unsigned char *found, off_t offset, off_t length, const char *how);
/* Within the file's room: everywhere, aligned, or around its end. */
void range(const struct file *file, off_t alignment, off_t *offset, off_t *length);

/* operations.c: does one of them, chosen by weight. */
void step(void);

#endif
