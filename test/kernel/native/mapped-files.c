// mapped-files DEVICE MOUNTPOINT [--cache] [--blocks BYTES] …: a FUSE server with one directory of a few files. Each
// file has a region of the device of its own, and its blocks lie there in the order of the file. The server says where
// data is and never touches it; nothing of what it knows outlives it. Extended attributes of a file steer it: user.lie
// takes the name of a rule, and the next answer breaks it; user.counts tells the requests so far.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

enum { LOOKUP = 1, FORGET = 2, GETATTR = 3, SETATTR = 4, MKNOD = 8, UNLINK = 10, OPEN = 14, WRITE = 16, STATFS = 17, RELEASE = 18, FSYNC = 20,
       SETXATTR = 21, GETXATTR = 22, REMOVEXATTR = 24, FLUSH = 25, INIT = 26, OPENDIR = 27, READDIR = 28, RELEASEDIR = 29, INTERRUPT = 36,
       DESTROY = 38, BATCH_FORGET = 42, FALLOCATE = 43, SYNCFS = 50, FREEZE = 4089, UNFREEZE = 4090, CONFIG = 4092,
       IOEND = 4093, BEGIN = 4094, END = 4095 };
enum { HOLE, DELALLOC, MAPPED, UNWRITTEN, INLINE, NOCACHE = 65533, RETRY = 65534, OVERWRITE = 65535 };
enum { ROOT = 1, FIRST = 2, FILES = 16, ATTRIBUTE_ROOM = 2048 };
static const uint64_t nowhere = ~0ull;

struct in_header { uint32_t len, opcode; uint64_t unique, nodeid; uint32_t uid, gid, pid, padding; };
struct out_header { uint32_t len; int32_t error; uint64_t unique; };
struct attr { uint64_t ino, size, blocks, atime, mtime, ctime; uint32_t atimensec, mtimensec, ctimensec, mode, nlink, uid, gid, rdev, blksize, flags; };
struct record { uint64_t offset, length, addr; uint16_t type, flags; uint32_t dev; };
struct begin_in { uint32_t op, reserved; uint64_t ino, pos, count; };
struct ioend_in { uint32_t flags; int32_t error; uint64_t ino, pos, new_addr, written; uint32_t dev, pad; };
struct setattr_in { uint32_t valid, pad; uint64_t fh, size, owner, atime, mtime, ctime; uint32_t atimensec, mtimensec, ctimensec, mode, unused4, uid, gid, unused5; };

/* A file; attr.size is the size that is recorded, and state[] what each block of its region is */
struct inode {
  char name[64];
  struct attr attr;
  unsigned char *state;
  uint64_t start, lookups, generation;
  char attribute[64], value[ATTRIBUTE_ROOM];
  uint32_t value_size;
};

static int fuse, device, caching;
static uint32_t backing, BLOCK = 4096;
/* Of each file's region */
static uint64_t blocks;
static struct inode inodes[FILES];
static struct attr root = { .ino = ROOT, .mode = S_IFDIR | 0755, .nlink = 2, .blksize = 4096, .flags = 0x04 };
static unsigned long counts[4096];
static char lie[32];
static int lies;

static void fail(const char *what) { perror(what); exit(1); }

static void reply(uint64_t unique, int error, const void *body, size_t size) {
  static char buffer[1 << 16];
  struct out_header header = { .len = sizeof header + size, .error = error, .unique = unique };
  memcpy(buffer, &header, sizeof header);
  if (size) memcpy(buffer + sizeof header, body, size);
  if (write(fuse, buffer, header.len) < 0 && errno != ENOENT) fprintf(stderr, "mapped-files: reply of %zu bytes: %m\n", size);
}

static struct inode *inode_of(uint64_t nodeid) { return &inodes[(nodeid - FIRST) % FILES]; }

static struct attr *attr_of(uint64_t nodeid) {
  if (nodeid == ROOT) return &root;
  struct inode *inode = inode_of(nodeid);
  uint64_t used = 0;
  for (uint64_t i = 0; i < blocks; i++) used += inode->state[i] != HOLE;
  inode->attr.blocks = used * (BLOCK / 512);
  return &inode->attr;
}

static void reply_attr(uint64_t unique, uint64_t nodeid) {
  struct { uint64_t valid; uint32_t nsec, dummy; struct attr attr; } out = { .valid = 3600, .attr = *attr_of(nodeid) };
  reply(unique, 0, &out, sizeof out);
}

/* All of what is alike around a block */
static struct record extent(const struct inode *inode, uint64_t pos) {
  const unsigned char *state = inode->state;
  uint64_t at = pos / BLOCK, first = at, last = at;
  if (at >= blocks) return (struct record){ blocks * BLOCK, (1ull << 44) - blocks * BLOCK, nowhere, HOLE, 0, 0 };
  while (last < blocks && state[last] == state[at]) last++;
  while (first > 0 && state[first - 1] == state[at]) first--;
  struct record rec = { first * BLOCK, (last - first) * BLOCK, inode->start + first * BLOCK, state[at], 0, backing };
  if (rec.type == HOLE) { rec.addr = nowhere; rec.dev = 0; }
  return rec;
}

static int is(const char *rule) { return lies > 0 && strcmp(lie, rule) == 0; }

static void break_rule(struct record *read, struct record *write, uint64_t pos) {
  if (is("M1")) read->type = 7;
  if (is("M2")) read->flags = 0x100;
  if (is("M3")) read->length = 0;
  if (is("M4")) read->offset += 512;
  if (is("M5")) read->length += 512;
  if (is("M6")) read->length = ~0ull & ~(uint64_t)(BLOCK - 1), read->offset = BLOCK;
  if (is("M7")) read->offset = 1ull << 62;
  if (is("M8")) *read = (struct record){ read->offset, read->length, nowhere, MAPPED, 0, backing };
  if (is("M9")) *read = (struct record){ read->offset, read->length, nowhere, HOLE, 0, backing };
  if (is("M10")) read->type = OVERWRITE, read->dev = 0, read->addr = nowhere;
  if (is("M11")) read->type = RETRY, read->dev = 0, read->addr = nowhere;
  if (is("M12")) read->type = NOCACHE, read->dev = backing;
  if (is("M13")) read->type = MAPPED, read->dev = backing, read->addr = ~0ull - BLOCK;
  if (is("B2")) write->type = NOCACHE;
  if (is("B3")) read->offset = pos / BLOCK * BLOCK + BLOCK;
  if (is("B4")) read->offset = 0, read->length = pos / BLOCK * BLOCK;
  if (is("B8")) read->type = MAPPED, read->dev = 9, read->addr = 0;
  if (is("B9")) *write = (struct record){ read->offset, read->length, 0, MAPPED, 0, 9 };
}

static void begin(uint64_t unique, uint64_t nodeid, const struct begin_in *in) {
  struct inode *inode = inode_of(nodeid);
  unsigned char *state = inode->state;
  uint64_t from = in->pos / BLOCK, to = (in->pos + in->count + BLOCK - 1) / BLOCK;
  if (is("enosys")) { reply(unique, -ENOSYS, NULL, 0); return; }
  if (in->op & 0x801) {
    if (from >= blocks) { reply(unique, -ENOSPC, NULL, 0); return; }
    for (uint64_t i = from; i < to && i < blocks; i++) if (state[i] == HOLE) state[i] = UNWRITTEN;
  }
  struct { struct record read, write; } out = { .read = extent(inode, in->pos) };
  out.write = (struct record){ out.read.offset, out.read.length, nowhere, OVERWRITE, 0, 0 };
  if (caching && !(in->op & 0x80000204)) {
    struct { struct out_header header; uint64_t nodeid, ino; struct record read, write; } push = {
      { sizeof push, 100, 0 }, nodeid, nodeid, out.read, out.write };
    if (write(fuse, &push, sizeof push) == sizeof push)
      out.read = (struct record){ out.read.offset, out.read.length, nowhere, RETRY, 0, 0 };
    else
      fprintf(stderr, "mapped-files: upsert: %m\n");
  }
  break_rule(&out.read, &out.write, in->pos);
  if (is("short")) { lies--; reply(unique, 0, &out, sizeof out - 1); return; }
  if (lies > 0) lies--;
  reply(unique, 0, &out, sizeof out);
}

static void ioend(uint64_t unique, uint64_t nodeid, const struct ioend_in *in) {
  struct inode *inode = inode_of(nodeid);
  unsigned char *state = inode->state;
  if (in->error) { reply(unique, in->error, NULL, 0); return; }
  uint64_t end = in->pos + in->written;
  if (in->flags & 2)
    for (uint64_t i = in->pos / BLOCK; i * BLOCK < end && i < blocks; i++) if (state[i] == UNWRITTEN) state[i] = MAPPED;
  if (end > inode->attr.size) inode->attr.size = end;
  reply(unique, 0, &inode->attr.size, 8);
}

static void set_attributes(uint64_t unique, uint64_t nodeid, const struct setattr_in *in) {
  struct attr *attr = attr_of(nodeid);
  if (in->valid & 1) attr->mode = (attr->mode & S_IFMT) | (in->mode & 07777);
  if (in->valid & 2) attr->uid = in->uid;
  if (in->valid & 4) attr->gid = in->gid;
  if (in->valid & 8) {
    attr->size = in->size;
    for (uint64_t i = (in->size + BLOCK - 1) / BLOCK; i < blocks; i++) inode_of(nodeid)->state[i] = HOLE;
  }
  if (in->valid & 0x10) attr->atime = in->atime, attr->atimensec = in->atimensec;
  if (in->valid & 0x20) attr->mtime = in->mtime, attr->mtimensec = in->mtimensec;
  if (in->valid & 0x400) attr->ctime = in->ctime, attr->ctimensec = in->ctimensec;
  reply_attr(unique, nodeid);
}

static void allocate(uint64_t unique, uint64_t nodeid, const uint64_t *in) {
  struct inode *inode = inode_of(nodeid);
  unsigned char *state = inode->state;
  uint64_t offset = in[1], end = in[1] + in[2];
  uint32_t mode = (uint32_t)in[3];
  uint64_t from = offset / BLOCK, to = (end + BLOCK - 1) / BLOCK;
  if (to > blocks && !(mode & 2)) { reply(unique, -ENOSPC, NULL, 0); return; }
  if (mode & 0x12) {
    for (uint64_t i = (offset + BLOCK - 1) / BLOCK; i < end / BLOCK && i < blocks; i++) state[i] = mode & 2 ? HOLE : UNWRITTEN;
  }
  if (!(mode & 2)) for (uint64_t i = from; i < to; i++) if (state[i] == HOLE) state[i] = UNWRITTEN;
  if (!(mode & 1) && end > inode->attr.size) inode->attr.size = end;
  reply(unique, 0, NULL, 0);
}

static void configure(uint64_t unique) {
  struct { uint64_t flags; char id[32]; uint8_t uuid[16], uuid_len, pad[3]; uint32_t blocksize, max_links, gran; int64_t min, max, maxbytes; uint32_t cache, end; } out = {
    .flags = 0x34, .blocksize = BLOCK, .gran = 1, .min = -(1ll << 31), .max = 1ll << 33, .maxbytes = 1ll << 44 };
  struct { int32_t fd; uint32_t flags; uint64_t padding; } map = { device, 1, 0 };
  int id = ioctl(fuse, 0x4010e501, &map);
  if (id < 1) fail("BACKING_OPEN");
  backing = id;
  uint32_t size[2] = { backing, BLOCK };
  if (ioctl(fuse, 0x4008e566, size)) perror("SET_BLOCKSIZE");
  if (is("time_gran")) out.gran = 0;
  reply(unique, 0, &out, sizeof out);
}

static void initialize(uint64_t unique, const uint32_t *in) {
  uint32_t out[16] = { 7, 99, in[2], 0x40000000 | 0x100000 | 0x400000 | 8 | 0x20, 16 | 12 << 16, 1 << 20, 1, 256, 0x800 };
  if (!(in[4] & 0x800)) fprintf(stderr, "mapped-files: the kernel offers no iomap: flags2 %x\n", in[4]);
  reply(unique, 0, out, 64);
}

static void entry(uint64_t unique, const char *name, uint32_t mode) {
  struct { uint64_t nodeid, generation, entry_valid, attr_valid; uint32_t nsec[2]; struct attr attr; } out = { .entry_valid = 3600, .attr_valid = 3600 };
  struct inode *found = NULL;
  for (int i = 0; i < FILES && !found; i++) if (strcmp(inodes[i].name, name) == 0) found = &inodes[i];
  for (int i = 0; i < FILES && !found && mode; i++)
    if (!inodes[i].name[0] && !inodes[i].lookups) {
      found = &inodes[i];
      found->generation++;
      found->attr.nlink = 1;
      snprintf(found->name, sizeof found->name, "%s", name);
      found->attr.mode = mode;
    }
  if (!found) { reply(unique, mode ? -ENOSPC : -ENOENT, NULL, 0); return; }
  out.nodeid = found - inodes + FIRST;
  out.generation = found->generation;
  found->lookups++;
  out.attr = *attr_of(out.nodeid);
  reply(unique, 0, &out, sizeof out);
}

static void unlink_name(uint64_t unique, const char *name) {
  for (int i = 0; i < FILES; i++)
    if (!strcmp(inodes[i].name, name)) {
      inodes[i].name[0] = 0;
      inodes[i].attr.nlink = 0;
      reply(unique, 0, NULL, 0);
      return;
    }
  reply(unique, -ENOENT, NULL, 0);
}

/* The blocks of what has no name are free once the kernel knows the inode no more */
static void forget(uint64_t nodeid, uint64_t count) {
  struct inode *inode = inode_of(nodeid);
  if (nodeid == ROOT || (inode->lookups -= count) || inode->name[0]) return;
  memset(inode->state, HOLE, blocks);
  inode->attr.size = 0;
  inode->attribute[0] = 0;
}

static void forget_many(const uint32_t *in) {
  const uint64_t *one = (const uint64_t *)(in + 2);
  for (uint32_t i = 0; i < in[0]; i++) forget(one[2 * i], one[2 * i + 1]);
}

static void make_node(uint64_t unique, const uint32_t *in) {
  if (S_ISREG(in[0])) entry(unique, (const char *)(in + 4), in[0]);
  else reply(unique, -EOPNOTSUPP, NULL, 0);
}

static void get_attribute(uint64_t unique, uint64_t nodeid, const uint32_t *in) {
  const char *name = (const char *)(in + 2);
  struct inode *inode = inode_of(nodeid);
  char text[ATTRIBUTE_ROOM];
  int size = -1;
  if (!strcmp(name, "user.counts"))
    size = snprintf(text, sizeof text, "begin %lu end %lu ioend %lu setattr %lu read %lu write %lu fsync %lu", counts[BEGIN], counts[END], counts[IOEND], counts[SETATTR], counts[15], counts[WRITE], counts[FSYNC]);
  else if (nodeid != ROOT && !strcmp(name, inode->attribute))
    memcpy(text, inode->value, size = inode->value_size);
  uint32_t out[2] = { size, 0 };
  if (size < 0) reply(unique, -ENODATA, NULL, 0);
  else if (in[0] == 0) reply(unique, 0, out, 8);
  else if (in[0] < (uint32_t)size) reply(unique, -ERANGE, NULL, 0);
  else reply(unique, 0, text, size);
}

static void set_attribute(uint64_t unique, uint64_t nodeid, const uint32_t *in) {
  const char *name = (const char *)(in + 2), *value = name + strlen(name) + 1;
  struct inode *inode = inode_of(nodeid);
  if (!strcmp(name, "user.lie") && in[0] < sizeof lie) {
    memcpy(lie, value, in[0]);
    lie[in[0]] = 0;
    lies = 1;
  } else if (nodeid != ROOT && !strncmp(name, "user.", 5) && strlen(name) < sizeof inode->attribute && in[0] <= ATTRIBUTE_ROOM) {
    strcpy(inode->attribute, name);
    memcpy(inode->value, value, inode->value_size = in[0]);
  } else {
    reply(unique, -EOPNOTSUPP, NULL, 0);
    return;
  }
  reply(unique, 0, NULL, 0);
}

static void remove_attribute(uint64_t unique, uint64_t nodeid, const char *name) {
  struct inode *inode = inode_of(nodeid);
  int known = nodeid != ROOT && !strcmp(inode->attribute, name);
  if (known) inode->attribute[0] = 0;
  reply(unique, known ? 0 : -ENODATA, NULL, 0);
}

static void read_directory(uint64_t unique, uint64_t offset) {
  struct { uint64_t ino, off; uint32_t namelen, type; char name[64]; } out = { 0 };
  while (offset < FILES && !inodes[offset].name[0]) offset++;
  if (offset == FILES) { reply(unique, 0, NULL, 0); return; }
  out.ino = offset + FIRST;
  out.off = offset + 1;
  out.type = S_IFREG >> 12;
  out.namelen = strlen(inodes[offset].name);
  memcpy(out.name, inodes[offset].name, out.namelen);
  reply(unique, 0, &out, 24 + (out.namelen + 7) / 8 * 8);
}

static void serve(const struct in_header *h, const void *body) {
  uint64_t open_out[2] = { 0, 2 };
  uint64_t statfs[10] = { blocks * FILES, blocks, blocks, FILES, 0, BLOCK | 255ull << 32, BLOCK };
  counts[h->opcode & 4095]++;
  switch (h->opcode) {
    case INIT: return initialize(h->unique, body);
    case CONFIG: configure(h->unique); puts("ready"); fflush(stdout); return;
    case LOOKUP: return entry(h->unique, body, 0);
    case MKNOD: return make_node(h->unique, body);
    case GETATTR: return reply_attr(h->unique, h->nodeid);
    case SETATTR: return set_attributes(h->unique, h->nodeid, body);
    case OPEN: case OPENDIR: return reply(h->unique, 0, open_out, sizeof open_out);
    case READDIR: return read_directory(h->unique, ((const uint64_t *)body)[1]);
    case STATFS: return reply(h->unique, 0, statfs, sizeof statfs);
    case GETXATTR: return get_attribute(h->unique, h->nodeid, body);
    case SETXATTR: return set_attribute(h->unique, h->nodeid, body);
    case BEGIN: return begin(h->unique, h->nodeid, body);
    case IOEND: return ioend(h->unique, h->nodeid, body);
    case FALLOCATE: return allocate(h->unique, h->nodeid, body);
    case END: case RELEASE: case RELEASEDIR: case FLUSH: case FREEZE: case UNFREEZE: return reply(h->unique, 0, NULL, 0);
    case FSYNC: case SYNCFS: fsync(device); return reply(h->unique, 0, NULL, 0);
    case DESTROY: reply(h->unique, 0, NULL, 0); exit(0);
    case FORGET: return forget(h->nodeid, *(const uint64_t *)body);
    case BATCH_FORGET: return forget_many(body);
    case INTERRUPT: return;
    case UNLINK: return unlink_name(h->unique, body);
    case REMOVEXATTR: return remove_attribute(h->unique, h->nodeid, body);
    default: return reply(h->unique, -ENOSYS, NULL, 0);
  }
}

int main(int argc, char **argv) {
  static char buffer[(1 << 20) + 8192] __attribute__((aligned(8)));
  uint64_t bytes;
  char options[128];
  if (argc < 3) { fprintf(stderr, "usage: mapped-files DEVICE MOUNTPOINT [--cache] [--blocks BYTES] [--read-only-device] [--lie RULE]\n"); return 2; }
  int mode = O_RDWR | O_EXCL;
  for (int i = 3; i < argc; i++) {
    if (!strcmp(argv[i], "--cache")) caching = 1;
    if (!strcmp(argv[i], "--read-only-device")) mode = O_RDONLY | O_EXCL;
    if (!strcmp(argv[i], "--blocks")) BLOCK = atoi(argv[++i]);
    if (!strcmp(argv[i], "--lie")) snprintf(lie, sizeof lie, "%s", argv[++i]), lies = 1;
  }
  device = open(argv[1], mode);
  if (device < 0 || ioctl(device, BLKGETSIZE64, &bytes)) fail(argv[1]);
  blocks = bytes / BLOCK / FILES;
  for (int i = 0; i < FILES; i++) {
    inodes[i].attr = (struct attr){ .ino = i + FIRST, .mode = S_IFREG | 0644, .nlink = 1, .blksize = BLOCK, .flags = 0x0c };
    inodes[i].state = calloc(blocks, 1);
    inodes[i].start = i * blocks * BLOCK;
  }
  fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
  if (fuse < 0) fail("/dev/fuse");
  if (ioctl(fuse, 0xe565)) fail("ADD_IOMAP");
  snprintf(options, sizeof options, "fd=%d,rootmode=40755,user_id=0,group_id=0,default_permissions,allow_other", fuse);
  if (mount("mapped-files", argv[2], "fuse.mapped-files", 0, options)) fail("mount");
  for (;;) {
    ssize_t size = read(fuse, buffer, sizeof buffer);
    if (size < 0 && (errno == EINTR || errno == ENOENT)) continue;
    if (size < 0) exit(errno == ENODEV ? 0 : 1);
    serve((struct in_header *)buffer, buffer + sizeof(struct in_header));
  }
}
