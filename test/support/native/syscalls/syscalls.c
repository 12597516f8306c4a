/*
 * Runs short sequences of system calls and prints what each returned, one line a call. Read from
 * stdin: "case NAME", a line for each call, "end". Each case runs in a process and in a directory
 * of its own below argv[1].
 */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "syscalls.h"

enum { MOST_LINES = 4096, SECONDS_PER_CASE = 120 };

static const struct operation *const families[] = { name_calls, attribute_calls, content_calls, directory_calls, process_calls };

void dispatch(struct call *call)
{
	await_another_time(call);
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++) {
		for (const struct operation *operation = families[i]; operation->name; operation++) {
			if (strcmp(operation->name, text(call, 0)) == 0) {
				operation->run(call);
				return;
			}
		}
	}
	printf(" no such call");
}

static void run_case(const char *name, char **lines, int count)
{
	umask(0);
	if (mkdir(name, 0777) || chdir(name)) {
		printf("case %s %s\n", name, strerrorname_np(errno));
		return;
	}
	umask(022);
	alarm(SECONDS_PER_CASE);
	signal(SIGPIPE, SIG_IGN);
	for (int i = 0; i < SLOTS; i++)
		slots[i] = -1;
	begin_times();
	printf("case %s\n", name);
	for (int i = 0; i < count; i++) {
		struct call call;

		split(lines[i], &call);
		dispatch(&call);
		putchar('\n');
	}
}

int main(int argc, char **argv)
{
	static char *lines[MOST_LINES];
	char *line = NULL, name[512] = "";
	size_t room = 0;
	int count = 0;

	/* Aligned for direct I/O. */
	buffer = aligned_alloc(4096, BUFFER * 2);
	if (argc != 2 || !buffer || chdir(argv[1]))
		return 2;
	while (getline(&line, &room, stdin) > 0) {
		line[strcspn(line, "\n")] = 0;
		if (strncmp(line, "case ", 5) == 0) {
			snprintf(name, sizeof(name), "%s", line + 5);
			count = 0;
		} else if (strcmp(line, "end") != 0) {
			if (count < MOST_LINES)
				lines[count++] = strdup(line);
		} else {
			pid_t child;

			fflush(stdout);
			child = fork();
			if (child == 0) {
				run_case(name, lines, count);
				fflush(stdout);
				_exit(0);
			}
			finish_child(child);
			puts("end");
			while (count > 0)
				free(lines[--count]);
		}
	}
	return 0;
}
