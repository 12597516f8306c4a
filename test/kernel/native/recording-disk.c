// recording-disk IMAGE MOUNTPOINT LOG: a FUSE server that shows IMAGE as the file "disk", for a loop device to lie on,
// and appends to LOG what reaches it, in order: writes with their bytes, flushes, and what programs write to the file
// "mark". Each event is a header and its bytes; an event is in the log before its request is answered.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum { LOOKUP = 1, FORGET = 2, GETATTR = 3, OPEN = 14, READ = 15, WRITE = 16, RELEASE = 18, FSYNC = 20, FLUSH = 25, INIT = 26, INTERRUPT = 36,
       BATCH_FORGET = 42, FALLOCATE = 43 };
enum { ROOT = 1, DISK, MARK };
enum { EVENT_WRITE, EVENT_FLUSH, EVENT_MARK };
/* Of fallocate(2): what reads as zeros afterwards */
enum { PUNCH_HOLE = 2, ZERO_RANGE = 16, LARGEST = 1 << 20 };

struct in_header { uint32_t len, opcode; uint64_t unique, nodeid; uint32_t uid, gid, pid, padding; };
struct out_header { uint32_t len; int32_t error; uint64_t unique; };
struct attr { uint64_t ino, size, blocks, atime, mtime, ctime; uint32_t atimensec, mtimensec, ctimensec, mode, nlink, uid, gid, rdev, blksize, flags; };
struct transfer { uint64_t fh, offset; uint32_t size, more[5]; };
struct allocation { uint64_t fh, offset, length; uint32_t mode, padding; };
struct event { uint32_t kind, length; uint64_t position; };

static int fuse, image, events;
static uint64_t size;
static unsigned char zeros[LARGEST];

static void fail(const char *what) { perror(what); exit(1); }

static void reply(uint64_t unique, int error, const void *body, size_t length) {
  struct out_header header = { .len = sizeof header + length, .error = error, .unique = unique };
  struct iovec parts[2] = { { &header, sizeof header }, { (void *)body, length } };
  if (writev(fuse, parts, length ? 2 : 1) < 0 && errno != ENOENT) fail("reply");
}

static void record(uint32_t kind, uint64_t position, const void *bytes, uint32_t length) {
  struct event event = { kind, length, position };
  struct iovec parts[2] = { { &event, sizeof event }, { (void *)bytes, length } };
  if (writev(events, parts, length ? 2 : 1) != (ssize_t)(sizeof event + length)) fail("the log");
}

static struct attr attr_of(uint64_t nodeid) {
  uint32_t mode = nodeid == ROOT ? S_IFDIR | 0755 : S_IFREG | 0644;
  return (struct attr){ .ino = nodeid, .size = nodeid == DISK ? size : 0, .mode = mode, .nlink = 1, .blksize = 4096 };
}

static void look_up(uint64_t unique, const char *name) {
  struct { uint64_t nodeid, generation, entry_valid, attr_valid; uint32_t nsec[2]; struct attr attr; } out = { .entry_valid = 3600, .attr_valid = 3600 };
  out.nodeid = !strcmp(name, "disk") ? DISK : !strcmp(name, "mark") ? MARK : 0;
  if (out.nodeid == 0) { reply(unique, -ENOENT, NULL, 0); return; }
  out.attr = attr_of(out.nodeid);
  reply(unique, 0, &out, sizeof out);
}

static void get_attributes(uint64_t unique, uint64_t nodeid) {
  struct { uint64_t valid; uint32_t nsec, dummy; struct attr attr; } out = { .valid = 3600, .attr = attr_of(nodeid) };
  reply(unique, 0, &out, sizeof out);
}

static void read_disk(uint64_t unique, const struct transfer *in) {
  static unsigned char bytes[LARGEST];
  ssize_t got = pread(image, bytes, in->size < LARGEST ? in->size : LARGEST, in->offset);
  reply(unique, got < 0 ? -errno : 0, bytes, got < 0 ? 0 : got);
}

static void put(uint64_t position, const void *bytes, uint32_t length) {
  record(EVENT_WRITE, position, bytes, length);
  if (pwrite(image, bytes, length, position) != (ssize_t)length) fail("the image");
}

static void write_file(uint64_t unique, uint64_t nodeid, const struct transfer *in) {
  uint32_t out[2] = { in->size, 0 };
  const void *bytes = in + 1;
  if (nodeid == DISK && in->offset + in->size > size) { reply(unique, -ENOSPC, NULL, 0); return; }
  if (nodeid == DISK) put(in->offset, bytes, in->size);
  else record(EVENT_MARK, 0, bytes, in->size);
  reply(unique, 0, out, sizeof out);
}

static void allocate(uint64_t unique, const struct allocation *in) {
  uint64_t end = in->offset + in->length;
  if (!(in->mode & (PUNCH_HOLE | ZERO_RANGE)) || end > size) { reply(unique, -EOPNOTSUPP, NULL, 0); return; }
  for (uint64_t at = in->offset; at < end; at += LARGEST) put(at, zeros, end - at < LARGEST ? end - at : LARGEST);
  reply(unique, 0, NULL, 0);
}

static void open_file(uint64_t unique, uint64_t nodeid) {
  /* Marks are not cached: each is a request at once. */
  struct { uint64_t fh; uint32_t flags, padding; } out = { .flags = nodeid == MARK ? 1 : 2 };
  reply(unique, 0, &out, sizeof out);
}

static void initialize(uint64_t unique, const uint32_t *in) {
  uint32_t out[16] = { 7, 31, in[2], 1 | 0x20 | 0x400000, 16 | 12 << 16, LARGEST, 1, LARGEST / 4096 };
  reply(unique, 0, out, sizeof out);
}

static void serve(const struct in_header *h, const void *body) {
  switch (h->opcode) {
    case INIT: initialize(h->unique, body); puts("ready"); fflush(stdout); return;
    case LOOKUP: return look_up(h->unique, body);
    case GETATTR: return get_attributes(h->unique, h->nodeid);
    case OPEN: return open_file(h->unique, h->nodeid);
    case READ: return read_disk(h->unique, body);
    case WRITE: return write_file(h->unique, h->nodeid, body);
    case FALLOCATE: return allocate(h->unique, body);
    case FSYNC: if (h->nodeid == DISK) record(EVENT_FLUSH, 0, NULL, 0); return reply(h->unique, 0, NULL, 0);
    case FLUSH: case RELEASE: return reply(h->unique, 0, NULL, 0);
    case FORGET: case BATCH_FORGET: case INTERRUPT: return;
    default: return reply(h->unique, -ENOSYS, NULL, 0);
  }
}

int main(int argc, char **argv) {
  static char buffer[LARGEST + 8192] __attribute__((aligned(8)));
  char options[128];
  struct stat found;
  if (argc != 4) { fprintf(stderr, "usage: recording-disk IMAGE MOUNTPOINT LOG\n"); return 2; }
  image = open(argv[1], O_RDWR | O_CLOEXEC);
  events = open(argv[3], O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0644);
  if (image < 0 || events < 0 || fstat(image, &found)) fail(argv[1]);
  size = found.st_size;
  fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
  if (fuse < 0) fail("/dev/fuse");
  snprintf(options, sizeof options, "fd=%d,rootmode=40755,user_id=0,group_id=0,allow_other", fuse);
  if (mount("recording-disk", argv[2], "fuse.recording-disk", 0, options)) fail("mount");
  for (;;) {
    ssize_t got = read(fuse, buffer, sizeof buffer);
    if (got < 0 && (errno == EINTR || errno == ENOENT)) continue;
    if (got < 0) exit(errno == ENODEV ? 0 : 1);
    serve((struct in_header *)buffer, buffer + sizeof(struct in_header));
  }
}
