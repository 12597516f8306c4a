#include <stdio.h>

#include "exercise-tree.h"

void pattern(ino_t inode, off_t offset, size_t length, unsigned char *bytes)
{
	for (size_t i = 0; i < length; i++) {
		uint64_t unit = (uint64_t)(offset + i) >> 3;
		uint64_t mixed = (inode * 0x9e3779b97f4a7c15ULL) ^ (unit * 0xc2b2ae3d27d4eb4fULL);

		mixed = (mixed ^ (mixed >> 29)) * 0xbf58476d1ce4e5b9ULL;
		bytes[i] = (mixed >> (8 * ((offset + i) & 7))) | 1;
	}
}

off_t foreign_byte(ino_t inode, off_t offset, const unsigned char *bytes, ssize_t length)
{
	static unsigned char own[MOST_BYTES];

	pattern(inode, offset, length, own);
	for (ssize_t i = 0; i < length; i++)
		if (bytes[i] != 0 && bytes[i] != own[i])
			return offset + i;
	return -1;
}

int report_foreign(const char *path, ino_t inode, off_t at, unsigned char byte)
{
	printf("process %d: %s (inode %llu): the byte at %lld is %02x, which is not its own\n", process, path,
	       (unsigned long long)inode, (long long)at, byte);
	fflush(stdout);
	return 1;
}
