#ifndef FUSE4FS_CONTAIN_REPORT_H
#define FUSE4FS_CONTAIN_REPORT_H

/* The socket to the caller, and the status of a process that has written to it why it ends. */
enum { REPORT = 4, FAILED = 70 };

/* Says to the caller what failed, and why where errno is not 0, and ends the process. */
__attribute__((noreturn, format(printf, 1, 2))) void fail(const char *format, ...);

#endif
