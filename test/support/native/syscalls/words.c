/* The words of a line: parted by spaces; %XX stands for a byte, "" for nothing. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "syscalls.h"

int slots[SLOTS];
unsigned char *buffer;

static int hex(char c)
{
	return c <= '9' ? c - '0' : (c | 32) - 'a' + 10;
}

static char *decode(char *word)
{
	char *from = word, *to = word;

	if (strcmp(word, "\"\"") == 0)
		return word + 2;
	while (*from) {
		if (*from == '%') {
			*to++ = hex(from[1]) << 4 | hex(from[2]);
			from += 3;
		} else {
			*to++ = *from++;
		}
	}
	*to = 0;
	return word;
}

void split(char *line, struct call *call)
{
	char *rest = line, *word;

	call->count = 0;
	while ((word = strsep(&rest, " ")) && call->count < MOST_WORDS)
		call->word[call->count++] = decode(word);
}

char *text(struct call *call, int index)
{
	static char nothing[1];

	return index < call->count ? call->word[index] : nothing;
}

long long number(struct call *call, int index)
{
	return strtoll(text(call, index), NULL, 0);
}

mode_t octal(struct call *call, int index)
{
	return strtoul(text(call, index), NULL, 8);
}

int slot(struct call *call, int index)
{
	int which = number(call, index);

	return which == -1 ? AT_FDCWD : slots[which % SLOTS];
}

struct flag {
	const char *name;
	int value;
};

static const struct flag flags[] = {
	{ "RDONLY", O_RDONLY }, { "WRONLY", O_WRONLY }, { "RDWR", O_RDWR }, { "CREAT", O_CREAT },
	{ "EXCL", O_EXCL }, { "TRUNC", O_TRUNC }, { "APPEND", O_APPEND }, { "DIRECTORY", O_DIRECTORY },
	{ "NOFOLLOW", O_NOFOLLOW }, { "TMPFILE", O_TMPFILE }, { "PATH", O_PATH }, { "NONBLOCK", O_NONBLOCK },
	{ "SYNC", O_SYNC }, { "DSYNC", O_DSYNC }, { "DIRECT", O_DIRECT }, { "NOATIME", O_NOATIME }, { "NOCTTY", O_NOCTTY },
	{ "NOREPLACE", 1 }, { "EXCHANGE", 2 }, { "WHITEOUT", 4 },
	{ "KEEP_SIZE", 1 }, { "PUNCH_HOLE", 2 }, { "COLLAPSE_RANGE", 8 }, { "ZERO_RANGE", 16 }, { "INSERT_RANGE", 32 }, { "UNSHARE_RANGE", 64 },
	{ "SET", SEEK_SET }, { "CUR", SEEK_CUR }, { "END", SEEK_END }, { "DATA", SEEK_DATA }, { "HOLE", SEEK_HOLE },
	{ "SH", LOCK_SH }, { "EX", LOCK_EX }, { "UN", LOCK_UN }, { "NB", LOCK_NB },
	{ "RDLCK", F_RDLCK }, { "WRLCK", F_WRLCK }, { "UNLCK", F_UNLCK },
	{ "R", R_OK }, { "W", W_OK }, { "X", X_OK }, { "F", F_OK },
	{ "XCREATE", XATTR_CREATE }, { "XREPLACE", XATTR_REPLACE },
	{ "0", 0 },
};

int mask(struct call *call, int index)
{
	char copy[256], *rest = copy, *word;
	int value = 0;

	snprintf(copy, sizeof(copy), "%s", text(call, index));
	while ((word = strsep(&rest, "|"))) {
		size_t i;

		for (i = 0; i < sizeof(flags) / sizeof(flags[0]) && strcmp(flags[i].name, word); i++)
			;
		if (i < sizeof(flags) / sizeof(flags[0]))
			value |= flags[i].value;
		else
			value |= strtol(word, NULL, 0);
	}
	return value;
}

/* Data: "*N" is N bytes of a pattern, anything else itself. */
size_t data(struct call *call, int index, unsigned char *into)
{
	const char *word = text(call, index);
	size_t length;

	if (*word != '*') {
		length = strlen(word);
		memcpy(into, word, length);
		return length;
	}
	length = strtoul(word + 1, NULL, 0);
	for (size_t i = 0; i < length && i < BUFFER; i++)
		into[i] = 'a' + (i * 7 + i / 251) % 26;
	return length < BUFFER ? length : BUFFER;
}
