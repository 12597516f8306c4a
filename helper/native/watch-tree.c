/*
 * Tells the kernel of a mount of a directory tree what others change in the tree, beneath the mount:
 *
 *   watch-tree
 *
 * Descriptor 3 is a SOCK_SEQPACKET socket to the server, 4 a clone of the mounted /dev/fuse, 5 the tree: the root of a
 * mount of its own; 6 ends the mount's connection, if "1" is written to it. Each packet from the server is a request, with
 * a descriptor (O_PATH) of a file, and is answered by one int32: 0, or a negative errno.
 *
 *   operation4@0 = 1 (watch)    unused4@4  nodeid8@8
 *   operation4@0 = 2 (unwatch)  unused4@4  nodeid8@8
 *
 * The server is not trusted, and hears nothing of what happens. It names inodes by descriptors that were opened by way of
 * the tree's own mount, and what happens to these goes to the kernel of its mount alone, which asks again then. Inodes are
 * marked one by one: a mark on the filesystem would have this process woken by everything that is done to it.
 *
 * There are two threads. To be told of a name, the kernel takes the lock of its directory, which a caller may hold who waits
 * for the server, which may be waiting for an answer of ours: so one thread answers, the other tells. Should the server die
 * while the other waits for such a lock, nobody would ever answer the caller: the connection is then ended. What the server
 * has done itself is no news to the kernel, and left out.
 */
#include <errno.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "left-behind.h"
#include "watched-nodes.h"

enum { SERVER = 3, FUSE = 4, TREE = 5, ABORT = 6 };
enum { WATCH = 1, UNWATCH = 2, REQUEST_SIZE = 16 };
enum { INVALIDATE_INODE = 2, INVALIDATE_ENTRY = 3, EXPIRE_ONLY = 1, OUT_HEADER_SIZE = 16, LONGEST_NAME = 255 };
/* Of what is told, the cached contents go, or only the attributes. */
enum { CONTENTS = 0, ATTRIBUTES = -1 };
/* Milliseconds. */
enum { GATHERING = 5, AGAIN_AFTER = 1000, PATIENCE = 100 };
/* A power of two. */
enum { MOST_REPEATED = 4096 };

#define NAMES (FAN_CREATE | FAN_DELETE | FAN_MOVED_FROM | FAN_MOVED_TO)
#define IN_DIRECTORIES (NAMES | FAN_ATTRIB | FAN_MOVE_SELF | FAN_ONDIR)
#define IN_OTHERS (FAN_MODIFY | FAN_ATTRIB | FAN_MOVE_SELF)

struct news {
	/* When it is told once more. */
	int64_t again;
	uint64_t node;
	int64_t offset;
	/* Of a name in the node; 0: it is about the node itself. */
	uint32_t length;
	char name[LONGEST_NAME + 1];
};

static int group;
static uint64_t mount;
static pthread_mutex_t nodes = PTHREAD_MUTEX_INITIALIZER;
static atomic_int server_process;
static atomic_bool is_telling, is_closing;

static struct news repeated[MOST_REPEATED];
static uint32_t first, end;

static int64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * 1000L + time.tv_nsec / 1000000L;
}

/* Whoever has forgotten the node, or the name, needs not know. */
static void tell(const struct news *news)
{
	char message[OUT_HEADER_SIZE + 24 + LONGEST_NAME + 1] = { 0 };
	const bool has_name = news->length > 0;
	const uint32_t length = OUT_HEADER_SIZE + (has_name ? 16 + news->length + 1 : 24);
	const int32_t code = has_name ? INVALIDATE_ENTRY : INVALIDATE_INODE;
	const uint32_t entry[2] = { news->length, EXPIRE_ONLY };
	const int64_t range[2] = { news->offset, 0 };

	memcpy(message, &length, 4);
	memcpy(message + 4, &code, 4);
	memcpy(message + OUT_HEADER_SIZE, &news->node, 8);
	memcpy(message + OUT_HEADER_SIZE + 8, has_name ? (const void *)entry : range, has_name ? sizeof(entry) : sizeof(range));
	if (has_name)
		memcpy(message + OUT_HEADER_SIZE + 16, news->name, news->length);
	atomic_store(&is_telling, true);
	if (!atomic_load(&is_closing) && write(FUSE, message, length) < 0 && (errno == ENODEV || errno == ENOTCONN))
		_exit(0);
	atomic_store(&is_telling, false);
}

static void tell_repeated(int64_t until)
{
	while (first != end && repeated[first % MOST_REPEATED].again <= until)
		tell(&repeated[first++ % MOST_REPEATED]);
}

/*
 * An answer that the server gave before a change may reach the kernel after the news of it, which then does not count. So
 * all is told twice, the second time when such an answer has long arrived.
 */
static void tell_twice(uint64_t node, int64_t offset, const char *name)
{
	struct news *news;

	if (end - first == MOST_REPEATED)
		tell_repeated(repeated[first % MOST_REPEATED].again);
	news = &repeated[end++ % MOST_REPEATED];
	*news = (struct news){ .again = now() + AGAIN_AFTER, .node = node, .offset = offset, .length = name ? (uint32_t)strlen(name) : 0 };
	if (name)
		memcpy(news->name, name, news->length);
	tell(news);
}

/* More has happened than the kernel keeps: all that is watched may have changed. Names hold for their time. */
static void tell_everything(void)
{
	uint64_t node;

	for (uint32_t place = 0; place < MOST_WATCHED; place++) {
		pthread_mutex_lock(&nodes);
		node = watched_in_place(place);
		pthread_mutex_unlock(&nodes);
		if (node)
			tell(&(struct news){ .node = node, .offset = CONTENTS });
	}
}

/* info_type1@0 pad1@1 len2@2 fsid8@4 handle_bytes4@12 handle_type4@16 handle, and a name with its NUL where the type says so */
static void tell_of_record(uint64_t mask, const char *record, uint32_t size)
{
	enum { HANDLE = 20 };
	struct inode_handle handle = { 0 };
	const char *name;
	uint64_t node;
	uint8_t type = (uint8_t)*record;
	bool is_name;

	if (size < HANDLE || (type != FAN_EVENT_INFO_TYPE_FID && type != FAN_EVENT_INFO_TYPE_DFID_NAME && type != FAN_EVENT_INFO_TYPE_DFID))
		return;
	memcpy(&handle.length, record + 12, 4);
	memcpy(&handle.type, record + 16, 4);
	if (handle.length > LONGEST_HANDLE || handle.length > size - HANDLE)
		return;
	memcpy(handle.bytes, record + HANDLE, handle.length);
	pthread_mutex_lock(&nodes);
	node = watched_node(&handle);
	pthread_mutex_unlock(&nodes);
	if (!node)
		return;
	name = record + HANDLE + handle.length;
	is_name = type == FAN_EVENT_INFO_TYPE_DFID_NAME && memchr(name, '\0', size - HANDLE - handle.length) && *name && strcmp(name, ".") != 0;
	if (is_name && (mask & NAMES) == 0)
		return;
	if (is_name && strlen(name) <= LONGEST_NAME)
		tell_twice(node, CONTENTS, name);
	tell_twice(node, mask & FAN_MODIFY ? CONTENTS : ATTRIBUTES, NULL);
}

static void tell_of_events(const char *events, ssize_t length)
{
	const struct fanotify_event_metadata *event = (const void *)events;

	for (; FAN_EVENT_OK(event, length); event = FAN_EVENT_NEXT(event, length)) {
		const char *record = (const char *)event + event->metadata_len, *after = (const char *)event + event->event_len;
		uint16_t size;

		if (event->mask & FAN_Q_OVERFLOW)
			tell_everything();
		if (event->pid > 0 && event->pid == atomic_load(&server_process))
			continue;
		for (; after - record >= 4; record += size) {
			memcpy(&size, record + 2, sizeof(size));
			if (size < 4 || size > after - record)
				break;
			tell_of_record(event->mask, record, size);
		}
	}
}

/* Each thread, since capabilities and filters are a thread's. */
static bool confine_thread(void)
{
	static const int calls[] = {
		SYS_clock_gettime, SYS_clock_nanosleep, SYS_fanotify_mark, SYS_futex, SYS_name_to_handle_at, SYS_ppoll, SYS_read, SYS_write,
	};

	/* Reading is what a mark asks for, of files that belong to others. */
	return confine(1U << CAP_SYS_ADMIN | 1U << CAP_DAC_READ_SEARCH, calls, sizeof(calls) / sizeof(*calls));
}

static void *tell_for_ever(void *unused)
{
	static char events[65536] __attribute__((aligned(8)));
	struct pollfd ready = { .fd = group, .events = POLLIN };
	struct timespec limit;
	ssize_t length;
	int64_t wait;

	if (!confine_thread())
		_exit(1);
	for (;;) {
		wait = first == end ? 0 : repeated[first % MOST_REPEATED].again - now();
		wait = wait < 0 ? 0 : wait;
		limit = (struct timespec){ .tv_sec = wait / 1000, .tv_nsec = wait % 1000 * 1000000L };
		if (ppoll(&ready, 1, first == end ? NULL : &limit, NULL) > 0) {
			length = read(group, events, sizeof(events));
			if (length > 0)
				tell_of_events(events, length);
			/* What is done again and again meanwhile becomes one event. */
			clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){ .tv_nsec = GATHERING * 1000000L }, NULL);
		}
		tell_repeated(now());
	}
	return unused;
}

static int mark(unsigned int how, int descriptor, bool is_directory)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", descriptor);
	return fanotify_mark(group, how, is_directory ? IN_DIRECTORIES : IN_OTHERS, AT_FDCWD, path) < 0 ? -errno : 0;
}

static int watch(int descriptor, uint64_t node)
{
	struct inode_handle handle;
	struct statx file;
	int result;

	if (!identify(descriptor, &file))
		return -EBADF;
	if (file.stx_mnt_id != mount)
		return -EXDEV;
	if (!S_ISREG(file.stx_mode) && !S_ISDIR(file.stx_mode) && !S_ISLNK(file.stx_mode))
		return -EINVAL;
	if (!handle_of(descriptor, &handle))
		return -EOPNOTSUPP;
	pthread_mutex_lock(&nodes);
	result = add_watched(&handle, node);
	pthread_mutex_unlock(&nodes);
	if (result == 0)
		result = mark(FAN_MARK_ADD, descriptor, S_ISDIR(file.stx_mode));
	if (result == 0 || result == -EDQUOT)
		return result;
	pthread_mutex_lock(&nodes);
	remove_watched(&handle);
	pthread_mutex_unlock(&nodes);
	return result;
}

static int unwatch(int descriptor, uint64_t node)
{
	struct inode_handle handle;
	struct statx file;

	if (!identify(descriptor, &file) || !handle_of(descriptor, &handle))
		return -EBADF;
	pthread_mutex_lock(&nodes);
	if (watched_node(&handle) == node)
		remove_watched(&handle);
	pthread_mutex_unlock(&nodes);
	return mark(FAN_MARK_REMOVE, descriptor, S_ISDIR(file.stx_mode));
}

static int answer_to(const struct server_request *request)
{
	uint32_t operation;
	uint64_t node;

	if (request->is_wrong || request->descriptor < 0 || request->length != REQUEST_SIZE)
		return -EINVAL;
	if (request->process > 0)
		atomic_store(&server_process, request->process);
	memcpy(&operation, request->packet, sizeof(operation));
	memcpy(&node, request->packet + 8, sizeof(node));
	if (node == 0)
		return -EINVAL;
	return operation == WATCH ? watch(request->descriptor, node) : operation == UNWATCH ? unwatch(request->descriptor, node) : -EINVAL;
}

static bool serve_one(void)
{
	char packet[REQUEST_SIZE + 2];
	struct server_request request = { .packet = packet, .size = sizeof(packet) };
	int32_t answer;

	if (!receive_request(SERVER, &request))
		return false;
	answer = answer_to(&request);
	if (request.descriptor >= 0)
		close(request.descriptor);
	return answer_request(SERVER, answer);
}

/* A caller may hold a lock for whom nobody is there. */
static void let_go(void)
{
	atomic_store(&is_closing, true);
	for (int64_t since = now(); atomic_load(&is_telling); clock_nanosleep(CLOCK_MONOTONIC, 0, &(struct timespec){ .tv_nsec = 1000000L }, NULL))
		if (now() - since > PATIENCE && write(ABORT, "1", 1) < 0)
			return;
}

/* Where all changes are made by this kernel, which tells of them. */
static bool is_local(void)
{
	static const unsigned long local[] = {
		EXT4_SUPER_MAGIC, XFS_SUPER_MAGIC, BTRFS_SUPER_MAGIC, TMPFS_MAGIC, F2FS_SUPER_MAGIC, OVERLAYFS_SUPER_MAGIC,
	};
	struct statfs found;

	if (fstatfs(TREE, &found) < 0)
		return false;
	for (size_t i = 0; i < sizeof(local) / sizeof(*local); i++)
		if ((unsigned long)found.f_type == local[i])
			return true;
	return false;
}

int main(void)
{
	struct statx tree;
	pthread_t teller;

	syscall(SYS_close_range, ABORT + 1, ~0U, 0);
	if (!is_local() || !identify(TREE, &tree) || setsockopt(SERVER, SOL_SOCKET, SO_PASSCRED, &(int){ 1 }, sizeof(int)) < 0)
		return 1;
	mount = tree.stx_mnt_id;
	close(TREE);
	group = fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK | FAN_UNLIMITED_MARKS | FAN_REPORT_FID | FAN_REPORT_DFID_NAME, O_RDONLY);
	if (group < 0 || pthread_create(&teller, NULL, tell_for_ever, NULL) != 0 || !confine_thread())
		return 1;
	while (serve_one())
		;
	let_go();
	_exit(0);
}
