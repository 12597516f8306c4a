/*
 * What the processes have in common that the helper leaves behind for the server of a directory tree: requests in packets,
 * each with one descriptor at most and answered by one int32, and walls, since the server is not trusted.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

struct server_request {
	/* A NUL follows. */
	char *packet;
	size_t size;
	/* What came. */
	ssize_t length;
	/* -1 if there is none; the receiver's to close. */
	int descriptor;
	/* Of the server, 0 if that was not said. */
	pid_t process;
	/* More descriptors, or more bytes, than there may be. */
	bool is_wrong;
};

/* Waits for a request. False when the server has gone. */
bool receive_request(int server, struct server_request *request);
/* False when the server has gone. */
bool answer_request(int server, int32_t answer);

/* Finds out type, inode and mount. */
bool identify(int descriptor, struct statx *found);

/* The calling thread keeps these capabilities and system calls, those of this file and what ends it. False if it does not. */
bool confine(uint32_t capabilities, const int *calls, size_t count);
