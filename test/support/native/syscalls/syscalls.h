#ifndef FUSE4FS_TEST_SYSCALLS_H
#define FUSE4FS_TEST_SYSCALLS_H

#include <sys/stat.h>
#include <sys/types.h>

enum { MOST_WORDS = 16, SLOTS = 32, BUFFER = 8 << 20 };

/* A line of a case, in words. */
struct call {
	char *word[MOST_WORDS];
	int count;
};

/* What a case can say, a table for each file; the last has no name. */
struct operation {
	const char *name;
	void (*run)(struct call *call);
};

extern const struct operation name_calls[], attribute_calls[], content_calls[], directory_calls[], process_calls[];

/* words.c: what a line is made of. A slot is a place for a descriptor, -1 the working directory. */
extern int slots[SLOTS];
/* BUFFER bytes, and as many behind them; aligned for direct I/O. */
extern unsigned char *buffer;
void split(char *line, struct call *call);
char *text(struct call *call, int index);
long long number(struct call *call, int index);
mode_t octal(struct call *call, int index);
int slot(struct call *call, int index);
int mask(struct call *call, int index);
size_t data(struct call *call, int index, unsigned char *into);

/* results.c: what is printed. */
void begin_times(void);
void await_another_time(struct call *call);
void failed(void);
long result(long value);
void show_bytes(const unsigned char *bytes, size_t length);
void stat_result(int value, const struct stat *found);
void keep(struct call *call, int descriptor);

void finish_child(pid_t child);
void dispatch(struct call *call);

#endif
