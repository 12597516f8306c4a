#ifndef FUSE4FS_FILTER_PROGRAM_H
#define FUSE4FS_FILTER_PROGRAM_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>

/*
 * A program of classic BPF that seccomp(2) takes, while it is written: checks of one system call each, and an answer to
 * all that no check has answered. What a check skips goes on with the number of the call still loaded.
 */

enum { MOST_INSTRUCTIONS = 512 };

struct filter_program {
	struct sock_filter instructions[MOST_INSTRUCTIONS];
	unsigned short length;
	/* SECCOMP_RET_*: what becomes of a call that is not allowed. */
	unsigned int refusal;
};

/* Where the lower half of an argument lies, numbered from 0. */
#define ARGUMENT(number) (offsetof(struct seccomp_data, args) + 8 * (number))

/* One instruction; where it is a jump, how many to skip. */
void filter_put(struct filter_program *program, unsigned short code, unsigned int value, unsigned char when_true, unsigned char when_false);

/* Loads 32 bits of struct seccomp_data. */
void filter_load(struct filter_program *program, unsigned int offset);

/* Ends with SECCOMP_RET_*. */
void filter_answer(struct filter_program *program, unsigned int value);

/* First of all: calls of another architecture have other numbers, and end the process. */
void filter_begin(struct filter_program *program, unsigned int architecture);

/* The next `length` instructions are only for that call. */
void filter_for_call(struct filter_program *program, int call, unsigned char length);

void filter_answer_call(struct filter_program *program, int call, unsigned int value);

/* With one of at most 126 values as its argument, of which the kernel takes 32 bits: the upper half means nothing. */
void filter_allow_values(struct filter_program *program, int call, unsigned int argument, const unsigned int *values, size_t count);

/* Without any of these bits in the lower half of the argument. */
void filter_allow_without(struct filter_program *program, int call, unsigned int argument, unsigned int bits);

#endif
