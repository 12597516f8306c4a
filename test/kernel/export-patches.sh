#!/bin/sh
# export-patches.sh TREE: writes patches/ anew from a git repository that holds the kernel's tree (or the files that
# the patches touch) with the untouched source as its first commit and the changes on top or in the work tree.
set -eu
tree=$1
patches=$(cd "$(dirname "$0")" && pwd)/patches
cd "$tree"
git add -AN .
base=$(git rev-list --max-parents=0 HEAD)

# NAME, what it is for, files
export_patch() {
  name=$1 purpose=$2
  shift 2
  { printf '%s\n\n' "$purpose"; git -c core.abbrev=12 diff -U1 "$base" -- "$@"; } >"$patches/$name.patch"
}

rm -f "$patches"/*.patch
export_patch 0001-protocol 'iomap: requests, ioctls, notifications and records of the protocol; what the kernel keeps' \
  include/uapi/linux/fuse.h fs/fuse/iomap_i.h fs/fuse/fuse_i.h fs/fuse/fuse_dev_i.h fs/fuse/dev.h
export_patch 0002-connection 'iomap: negotiation, configuration, block devices, notifications, freezing' \
  fs/fuse/iomap_conn.c fs/fuse/inode.c fs/fuse/dev.c fs/fuse/notify.c fs/fuse/readdir.c
export_patch 0003-mappings 'iomap: asking for mappings, checking them, keeping them' \
  fs/fuse/iomap_map.c fs/fuse/iomap_cache.c
export_patch 0004-files 'iomap: data of files through the iomap library, attributes that the kernel owns' \
  fs/fuse/iomap_io.c fs/fuse/file.c fs/fuse/dir.c fs/fuse/acl.c fs/fuse/ioctl.c fs/fuse/xattr.c fs/fuse/Makefile
find "$patches" -size -200c -delete
