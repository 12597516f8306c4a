#include <errno.h>
#include <string.h>

#include "watched-nodes.h"

#ifndef AT_HANDLE_FID
#define AT_HANDLE_FID 0x200
#endif

enum { BUCKETS = 1 << 16, NOBODY = 0 };

/* Places are counted from 1 in here. */
struct watched {
	struct inode_handle handle;
	uint64_t node;
	uint32_t next;
};

static struct watched all[MOST_WATCHED + 1];
static uint32_t buckets[BUCKETS];
/* Places that were used and are free; then those that never were. */
static uint32_t unused, used;

bool handle_of(int descriptor, struct inode_handle *handle)
{
	union {
		struct file_handle head;
		char room[sizeof(struct file_handle) + LONGEST_HANDLE];
	} found = { .head.handle_bytes = LONGEST_HANDLE };
	int mount;

	/* Some filesystems have handles that tell inodes apart and cannot be opened. */
	if (name_to_handle_at(descriptor, "", &found.head, &mount, AT_EMPTY_PATH | AT_HANDLE_FID) < 0 &&
	    name_to_handle_at(descriptor, "", &found.head, &mount, AT_EMPTY_PATH) < 0)
		return false;
	memset(handle, 0, sizeof(*handle));
	handle->length = found.head.handle_bytes;
	handle->type = found.head.handle_type;
	memcpy(handle->bytes, found.head.f_handle, found.head.handle_bytes);
	return true;
}

/* FNV-1a */
static uint32_t bucket_of(const struct inode_handle *handle)
{
	uint32_t hash = 2166136261U;

	for (uint32_t at = 0; at < handle->length; at++)
		hash = (hash ^ handle->bytes[at]) * 16777619U;
	return (hash ^ hash >> 16) % BUCKETS;
}

static bool same(const struct inode_handle *one, const struct inode_handle *other)
{
	return one->length == other->length && one->type == other->type && !memcmp(one->bytes, other->bytes, one->length);
}

/* What leads to the place of a handle, or to 0. */
static uint32_t *way_to(const struct inode_handle *handle)
{
	uint32_t *way = &buckets[bucket_of(handle)];

	while (*way != NOBODY && !same(&all[*way].handle, handle))
		way = &all[*way].next;
	return way;
}

int add_watched(const struct inode_handle *handle, uint64_t node)
{
	uint32_t *way = way_to(handle), place = *way;

	if (place == NOBODY) {
		if (unused != NOBODY) {
			place = unused;
			unused = all[place].next;
		} else if (used < MOST_WATCHED) {
			place = ++used;
		} else {
			return -EDQUOT;
		}
		all[place].handle = *handle;
		all[place].next = NOBODY;
		*way = place;
	}
	all[place].node = node;
	return 0;
}

void remove_watched(const struct inode_handle *handle)
{
	uint32_t *way = way_to(handle), place = *way;

	if (place == NOBODY)
		return;
	*way = all[place].next;
	all[place].node = 0;
	all[place].next = unused;
	unused = place;
}

uint64_t watched_node(const struct inode_handle *handle)
{
	return all[*way_to(handle)].node;
}

uint64_t watched_in_place(uint32_t place)
{
	return all[place + 1].node;
}
