#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "contain-report.h"

/* A path, and words around it. */
enum { MESSAGE_SIZE = 4096 + 256 };

void fail(const char *format, ...)
{
	char message[MESSAGE_SIZE];
	int error = errno, length;
	va_list arguments;

	va_start(arguments, format);
	length = vsnprintf(message, sizeof(message), format, arguments);
	va_end(arguments);
	if (error && length > 0 && (size_t)length < sizeof(message))
		length += snprintf(message + length, sizeof(message) - (size_t)length, ": %s", strerror(error));
	if (length > 0 && write(REPORT, message, (size_t)length < sizeof(message) ? (size_t)length : sizeof(message)) < 0)
		_exit(FAILED);
	_exit(FAILED);
}
