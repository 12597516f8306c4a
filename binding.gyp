{
  "target_defaults": {
    "cflags": ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-fstack-protector-strong"],
    "defines": ["NAPI_VERSION=9", "_GNU_SOURCE", "_FILE_OFFSET_BITS=64"]
  },
  "targets": [
    { "target_name": "seqpacket", "sources": ["protocol/seqpacket/native/seqpacket.c"] },
    {
      "target_name": "helper",
      "sources": [
        "helper/native/helper.c", "helper/native/mounts.c", "helper/native/devices.c", "helper/native/descriptors.c",
        "helper/native/namespaces.c", "helper/native/user-namespace.c", "helper/native/stream-sockets.c",
        "helper/native/interruption.c", "native/block-device.c"
      ]
    },
    {
      "target_name": "contain",
      "type": "executable",
      "sources": ["helper/native/contain.c", "helper/native/contain-report.c", "helper/native/contained-rights.c", "helper/native/contained-root.c"]
    },
    { "target_name": "register-backing", "type": "executable", "sources": ["helper/native/register-backing.c", "helper/native/left-behind.c"] },
    { "target_name": "watch-tree", "type": "executable", "sources": ["helper/native/watch-tree.c", "helper/native/watched-nodes.c", "helper/native/left-behind.c"] },
    {
      "target_name": "server",
      "sources": [
        "server/native/server.c", "server/native/channel.c", "server/native/data-reads.c", "server/native/data-transfers.c",
        "server/native/data-writes.c", "server/native/write-job.c", "server/native/device.c",
        "server/native/job-thread.c", "server/native/process.c", "server/native/crc32c.c", "server/native/landlock.c",
        "server/native/seccomp.c", "server/native/filter-program.c", "server/native/thread.c", "native/block-device.c"
      ]
    },
    {
      "target_name": "passthrough",
      "sources": [
        "server/passthrough/native/module.c", "server/passthrough/native/tree.c", "server/passthrough/native/names.c",
        "server/passthrough/native/nodes.c", "server/passthrough/native/contents.c", "server/passthrough/native/identity.c"
      ]
    }
  ]
}
