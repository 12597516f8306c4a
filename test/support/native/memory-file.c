/* memory-file FILE SEALED COMMAND...: runs the command with a copy of the file in memory as descriptor 3, sealed against shrinking if SEALED is 1. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

static void check(int ok, const char *what)
{
	if (ok)
		return;
	perror(what);
	exit(1);
}

int main(int argc, char **argv)
{
	struct stat attributes;
	off_t done = 0;
	int file, memory;

	check(argc > 3, "usage");
	file = open(argv[1], O_RDONLY);
	check(file >= 0 && fstat(file, &attributes) == 0, argv[1]);
	memory = memfd_create("image", MFD_ALLOW_SEALING);
	check(memory >= 0, "memfd_create");
	while (done < attributes.st_size)
		check(sendfile(memory, file, &done, (size_t)(attributes.st_size - done)) > 0, "sendfile");
	if (!strcmp(argv[2], "1"))
		check(fcntl(memory, F_ADD_SEALS, F_SEAL_SHRINK) == 0, "sealing");
	close(3);
	check(dup2(memory, 3) == 3, "dup2");
	execvp(argv[3], argv + 3);
	check(0, argv[3]);
}
