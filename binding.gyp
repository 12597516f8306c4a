{
  "target_defaults": {
    "cflags": ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-fstack-protector-strong"],
    "defines": ["NAPI_VERSION=9", "_GNU_SOURCE", "_FILE_OFFSET_BITS=64"]
  },
  "targets": [
    { "target_name": "seqpacket", "sources": ["protocol/seqpacket/native/seqpacket.c"] },
    { "target_name": "helper", "sources": ["helper/native/helper.c", "helper/native/user-namespace.c"] },
    { "target_name": "contain", "type": "executable", "sources": ["helper/native/contain.c"] },
    { "target_name": "server", "sources": ["server/native/server.c", "server/native/crc32c.c", "server/native/landlock.c", "server/native/seccomp.c"] }
  ]
}
