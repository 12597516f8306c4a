/* Who calls, from where, in which process, and what it has locked. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include "syscalls.h"

static struct flock lock_of(struct call *c)
{
	struct flock lock = { .l_type = mask(c, 2), .l_whence = SEEK_SET, .l_start = number(c, 3), .l_len = number(c, 4) };

	return lock;
}

static void do_setlk(struct call *c)
{
	struct flock lock = lock_of(c);

	result(fcntl(slot(c, 1), F_SETLK, &lock));
}

static void do_ofdlk(struct call *c)
{
	struct flock lock = lock_of(c);

	result(fcntl(slot(c, 1), F_OFD_SETLK, &lock));
}

static void do_getlk(struct call *c)
{
	struct flock lock = lock_of(c);

	if (result(fcntl(slot(c, 1), F_GETLK, &lock)) == 0)
		printf(" type %d start %lld length %lld", lock.l_type, (long long)lock.l_start, (long long)lock.l_len);
}

static void do_flock(struct call *c) { result(flock(slot(c, 1), mask(c, 2))); }

/* Effective identity only: the saved one stays root's, to come back with. */
static void do_as(struct call *c)
{
	gid_t groups[MOST_WORDS];
	int count = 0;

	for (int i = 3; i < c->count; i++)
		groups[count++] = number(c, i);
	if (seteuid(0) || setgroups(count, groups) || setegid(number(c, 2)) || seteuid(number(c, 1)))
		failed();
	else
		printf(" ok");
}

static void do_umask(struct call *c) { result(umask(octal(c, 1))); }
static void do_chdir(struct call *c) { result(chdir(text(c, 1))); }
static void do_fchdir(struct call *c) { result(fchdir(slot(c, 1))); }

void finish_child(pid_t child)
{
	int status;

	waitpid(child, &status, 0);
	if (WIFSIGNALED(status))
		printf(" signal %d", WTERMSIG(status));
	else if (WEXITSTATUS(status))
		printf(" status %d", WEXITSTATUS(status));
}

/* The call in a process of its own, for locks and for signals. */
static void do_child(struct call *c)
{
	struct call rest = { .count = c->count - 1 };
	pid_t child;

	memcpy(rest.word, c->word + 1, sizeof(char *) * rest.count);
	fflush(stdout);
	child = fork();
	if (child == 0) {
		dispatch(&rest);
		fflush(stdout);
		_exit(0);
	}
	finish_child(child);
}

static void do_exec(struct call *c)
{
	pid_t child;

	fflush(stdout);
	child = fork();
	if (child == 0) {
		char *arguments[] = { text(c, 1), NULL };

		execv(text(c, 1), arguments);
		failed();
		fflush(stdout);
		_exit(1);
	}
	finish_child(child);
}

/* Copies a program in, from outside. */
static void do_install(struct call *c)
{
	int from = open(text(c, 1), O_RDONLY), to = open(text(c, 2), O_WRONLY | O_CREAT | O_EXCL, 0755);
	ssize_t n;

	while ((n = read(from, buffer, BUFFER)) > 0 && write(to, buffer, n) == n)
		;
	result(n < 0 || close(from) || close(to) ? -1 : 0);
}

/* repeat N CALL…: '#' in its words is the round. Prints how many went well and what the first failure was. */
static void do_repeat(struct call *c)
{
	long rounds = number(c, 1);
	char words[MOST_WORDS][512], first[512] = "";
	long fine = 0;
	FILE *real = stdout;

	for (long round = 0; round < rounds; round++) {
		struct call each = { .count = c->count - 2 };
		char *printed = NULL;
		size_t length;

		for (int i = 0; i < each.count; i++) {
			const char *word = c->word[i + 2], *hash = strchr(word, '#');

			if (hash)
				snprintf(words[i], sizeof(words[i]), "%.*s%ld%s", (int)(hash - word), word, round, hash + 1);
			else
				snprintf(words[i], sizeof(words[i]), "%s", word);
			each.word[i] = words[i];
		}
		stdout = open_memstream(&printed, &length);
		dispatch(&each);
		fclose(stdout);
		stdout = real;
		if (printed[1] != 'E')
			fine++;
		else if (!*first)
			snprintf(first, sizeof(first), ", round %ld%s", round, printed);
		free(printed);
	}
	printf(" %ld of %ld%s", fine, rounds, first);
}

const struct operation process_calls[] = {
	{ "setlk", do_setlk }, { "ofdlk", do_ofdlk }, { "getlk", do_getlk }, { "flock", do_flock }, { "as", do_as },
	{ "umask", do_umask }, { "chdir", do_chdir }, { "fchdir", do_fchdir }, { "child", do_child },
	{ "exec", do_exec }, { "install", do_install }, { "repeat", do_repeat }, { NULL, NULL },
};
