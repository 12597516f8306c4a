#ifndef EXERCISE_TREE_H
#define EXERCISE_TREE_H

#include <stdint.h>
#include <sys/types.h>

#include "../random.h"

#define MOST_BYTES (1 << 20)
#define PATH_ROOM 1024
/* What pages and direct I/O are aligned to. */
#define UNIT 4096
#define ERRNOS 140

/* Of this process: its number, what it may meet, and what its operations worked on last. */
extern int mortal, damaged, process;
extern char first_path[PATH_ROOM], second_path[PATH_ROOM];
extern unsigned char buffer[MOST_BYTES];
/* How often operations ended with each errno. */
extern long outcomes[ERRNOS];

static inline uint32_t below(uint32_t limit)
{
	return word() % limit;
}

/* contents.c: what each byte of each file has to be, if it is not zero. */
void pattern(ino_t inode, off_t offset, size_t length, unsigned char *bytes);
/* The first byte that is another file's, or -1 where all is its own. */
off_t foreign_byte(ino_t inode, off_t offset, const unsigned char *bytes, ssize_t length);
int report_foreign(const char *path, ino_t inode, off_t at, unsigned char byte);

/* names.c: paths below the working directory, into memory of PATH_ROOM bytes. */
/* Has what is there already be chosen, too. */
void remember_existing(void);
char *random_path(char *path);
char *random_directory(char *path);
/* Either, as most operations meet both. */
char *any_path(char *path);

/* file-operations.c: on one open file; 0, or -1 and errno. */
int do_create(void);
int do_create_exclusively(void);
int do_write(void);
int do_truncate(void);
int do_allocate(void);
int do_sync(void);
int do_read(void);
int do_map(void);
int do_direct(void);
int do_tmpfile(void);
/* Where space for a page of a mapping lacks, or the file has become shorter. */
void leave_mapping(int signal);

/* tree-operations.c: one operation, chosen by weight; ends the process where it fails as none may. */
void step(void);

#endif
