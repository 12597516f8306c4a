/* Which node of the mount each watched inode is: by its file handle, as fanotify names it. For one thread at a time. */
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>

enum { MOST_WATCHED = 65536, LONGEST_HANDLE = 64 };

struct inode_handle {
	uint32_t length;
	int32_t type;
	unsigned char bytes[LONGEST_HANDLE];
};

/* False where the filesystem has none, or one that is too long. */
bool handle_of(int descriptor, struct inode_handle *handle);

/* 0, or a negative errno; one that is there already becomes another node's. */
int add_watched(const struct inode_handle *handle, uint64_t node);
void remove_watched(const struct inode_handle *handle);
/* 0 if there is none */
uint64_t watched_node(const struct inode_handle *handle);
/* The node in a place below MOST_WATCHED, 0 if there is none. */
uint64_t watched_in_place(uint32_t place);
