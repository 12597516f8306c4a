#define _GNU_SOURCE
#include <ftw.h>
#include <stdio.h>
#include <string.h>

#include "exercise-tree.h"

#define MOST_EXISTING 2000

static void random_name(char *name)
{
	uint32_t kind = below(20), index = below(40);

	if (kind == 0)
		sprintf(name, "%u-%0*u", index, 20 + (int)(index * 29) % 230, index);
	else if (kind < 4)
		sprintf(name, "many-%u", below(600));
	else
		sprintf(name, "name%u", index);
}

/* What was there before, of a damaged filesystem. */
static char *existing[MOST_EXISTING];
static int existing_count;

static int remember(const char *path, const struct stat *st, int type, struct FTW *place)
{
	(void)st, (void)type, (void)place;
	if (existing_count < MOST_EXISTING && strlen(path) < PATH_ROOM)
		existing[existing_count++] = strdup(path);
	return existing_count == MOST_EXISTING;
}

void remember_existing(void)
{
	nftw(".", remember, 64, FTW_PHYS);
}

char *random_path(char *path)
{
	char *end = path;

	if (existing_count > 0 && below(2))
		return strcpy(path, existing[below(existing_count)]);
	for (uint32_t depth = below(4); depth > 0; depth--)
		end += sprintf(end, "directory%u/", below(4));
	random_name(end);
	return path;
}

char *random_directory(char *path)
{
	char *end = path;

	if (existing_count > 0 && below(2))
		return strcpy(path, existing[below(existing_count)]);
	end += sprintf(path, "directory%u", below(4));

	for (uint32_t depth = below(3); depth > 0; depth--)
		end += sprintf(end, "/directory%u", below(4));
	return path;
}

char *any_path(char *path)
{
	return below(5) == 0 ? random_directory(path) : random_path(path);
}
