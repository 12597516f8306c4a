/* Reading directories, from end to end and from places. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "syscalls.h"

static DIR *directories[SLOTS];
static long positions[SLOTS];

static int by_name(const struct dirent **one, const struct dirent **other)
{
	return strcmp((*one)->d_name, (*other)->d_name);
}

/* Names in order, their types, and whether d_ino is what lstat(2) says. */
static void do_readdir(struct call *c)
{
	static const char types[] = "?pc?d?b?-?l?s";
	struct dirent **entries;
	int count = scandir(text(c, 1), &entries, NULL, by_name);

	if (result(count) < 0)
		return;
	for (int i = 0; i < count; i++) {
		struct dirent *entry = entries[i];
		struct stat found;
		char path[8192];

		if (count <= 40) {
			printf(" ");
			show_bytes((unsigned char *)entry->d_name, strlen(entry->d_name));
			printf(":%c", entry->d_type < sizeof(types) ? types[entry->d_type] : '!');
		}
		snprintf(path, sizeof(path), "%s/%s", text(c, 1), entry->d_name);
		if (strcmp(entry->d_name, "..") && lstat(path, &found) == 0 && found.st_ino != entry->d_ino)
			printf("!d_ino");
		free(entry);
	}
	free(entries);
}

static void do_opendir(struct call *c)
{
	DIR *directory = opendir(text(c, 2));

	if (!directory) {
		failed();
		return;
	}
	directories[number(c, 1) % SLOTS] = directory;
	printf(" ok");
}

/* The next entry but the dots: where in the order those come is nobody's promise. */
static struct dirent *next_entry(DIR *directory)
{
	struct dirent *entry;

	do {
		entry = readdir(directory);
	} while (entry && (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")));
	return entry;
}

/* How many entries of at most so many it got; with a third word it removes each. */
static void do_dirread(struct call *c)
{
	DIR *directory = directories[number(c, 1) % SLOTS];
	long limit = c->count > 2 ? number(c, 2) : -1, count = 0, unlinked = 0;
	struct dirent *entry;

	errno = 0;
	while (count != limit && (entry = next_entry(directory))) {
		count++;
		if (c->count > 3)
			unlinked += unlinkat(dirfd(directory), entry->d_name, 0) == 0;
	}
	if (errno)
		failed();
	else
		printf(" %ld entries, %ld removed", count, unlinked);
}

/* The name at the position; names come in the same order from both, for the hash seed is the same. */
static void do_dirname(struct call *c)
{
	struct dirent *entry = next_entry(directories[number(c, 1) % SLOTS]);

	if (entry)
		show_bytes((unsigned char *)entry->d_name, strlen(entry->d_name));
	else
		printf(" end");
}

static void do_dirtell(struct call *c)
{
	positions[number(c, 2) % SLOTS] = telldir(directories[number(c, 1) % SLOTS]);
	printf(" ok");
}

static void do_dirseek(struct call *c)
{
	seekdir(directories[number(c, 1) % SLOTS], positions[number(c, 2) % SLOTS]);
	printf(" ok");
}

static void do_dirrewind(struct call *c)
{
	rewinddir(directories[number(c, 1) % SLOTS]);
	printf(" ok");
}

const struct operation directory_calls[] = {
	{ "readdir", do_readdir }, { "opendir", do_opendir }, { "dirread", do_dirread }, { "dirname", do_dirname },
	{ "dirtell", do_dirtell }, { "dirseek", do_dirseek }, { "dirrewind", do_dirrewind }, { NULL, NULL },
};
