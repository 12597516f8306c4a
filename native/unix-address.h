#ifndef FUSE4FS_UNIX_ADDRESS_H
#define FUSE4FS_UNIX_ADDRESS_H

#include <sys/socket.h>
#include <sys/un.h>

#include "shim.h"

/* The address of a unix socket, from its path. */
static inline bool shim_unix_address(napi_env env, napi_value path, struct sockaddr_un *address)
{
	*address = (struct sockaddr_un){ .sun_family = AF_UNIX };
	return shim_string(env, path, address->sun_path, sizeof(address->sun_path));
}

#endif
