#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "exercise-file.h"

#define REMEMBERED 60

static char log_lines[REMEMBERED][160];

void note(const char *format, ...)
{
	char *line = log_lines[operation % REMEMBERED];
	int start = sprintf(line, "%ld: ", operation);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(line + start, 160 - start, format, arguments);
	va_end(arguments);
}

void fail(const struct file *file, const char *format, ...)
{
	va_list arguments;

	for (long at = operation < REMEMBERED ? 0 : operation - REMEMBERED + 1; at <= operation; at++)
		printf("%s\n", log_lines[at % REMEMBERED]);
	printf("operation %ld, %s (size %lld from %lld on): ", operation, file->name, (long long)file->size, (long long)file->base);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	printf("\n");
	fflush(stdout);
	_exit(1);
}

void must(const struct file *file, const char *what, int ok)
{
	if (!ok)
		fail(file, "%s: %s", what, strerror(errno));
}

off_t end_of(const struct file *file)
{
	return file->size == 0 ? 0 : file->base + file->size;
}

void resized(struct file *file, off_t size)
{
	if (size < file->size)
		memset(file->model + size, 0, file->size - size);
	file->size = size;
}

void filled(struct file *file, off_t offset, const unsigned char *data, off_t length)
{
	memcpy(file->model + offset, data, length);
	if (offset + length > file->size)
		file->size = offset + length;
}

const unsigned char *data_of(off_t length)
{
	off_t start = below(ROOM - length);

	for (int i = 0; i < 8 && length > 0; i++)
		fresh[start + below(length)] = word() | 1;
	return fresh + start;
}

void open_file(struct file *file)
{
	file->fd = open(file->name, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	must(file, "open", file->fd >= 0);
	file->direct = open(file->name, O_RDWR | O_DIRECT | O_CLOEXEC);
	must(file, "open for direct", file->direct >= 0);
}

void close_file(struct file *file)
{
	must(file, "close", close(file->fd) == 0 && close(file->direct) == 0);
}

void compare(const struct file *file, const unsigned char *found, off_t offset, off_t length, const char *how)
{
	off_t differing = 0, first = -1;

	if (memcmp(found, file->model + offset, length) == 0)
		return;
	for (off_t i = 0; i < length; i++)
		if (found[i] != file->model[offset + i] && differing++ == 0)
			first = i;
	fail(file, "%s of %lld at %lld: %lld bytes differ, the first at %lld is %02x, should be %02x", how, (long long)length,
	     (long long)offset, (long long)differing, (long long)(offset + first), found[first], file->model[offset + first]);
}

void range(const struct file *file, off_t alignment, off_t *offset, off_t *length)
{
	*offset = below(3) == 0 && file->size > 0 ? file->size - below(file->size < PAGE ? file->size : PAGE) : below(file->most);
	*length = 1 + below(below(3) == 0 ? file->most / 2 : file->most < 9000 ? file->most : 9000);
	if (alignment == 1 && below(4) == 0)
		alignment = below(2) ? PAGE : 1024;
	*offset -= *offset % alignment;
	*length += (alignment - *length % alignment) % alignment;
	if (*offset + *length > file->most)
		*length = file->most - *offset - (file->most - *offset) % (alignment > SECTOR ? 1 : alignment);
}
