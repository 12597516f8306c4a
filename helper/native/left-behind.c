#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "left-behind.h"

#ifndef STATX_MNT_ID_UNIQUE
#define STATX_MNT_ID_UNIQUE 0x4000U
#endif

/* Of several descriptors all but the first are closed. */
static void take_ancillary(struct msghdr *message, struct server_request *request)
{
	struct ucred sender;
	int carried;

	for (struct cmsghdr *header = CMSG_FIRSTHDR(message); header; header = CMSG_NXTHDR(message, header)) {
		if (header->cmsg_level != SOL_SOCKET)
			continue;
		if (header->cmsg_type == SCM_CREDENTIALS) {
			memcpy(&sender, CMSG_DATA(header), sizeof(sender));
			request->process = sender.pid;
		}
		if (header->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t at = 0; at + sizeof(int) <= header->cmsg_len - CMSG_LEN(0); at += sizeof(int)) {
			memcpy(&carried, CMSG_DATA(header) + at, sizeof(int));
			if (request->descriptor < 0) {
				request->descriptor = carried;
				continue;
			}
			request->is_wrong = true;
			close(carried);
		}
	}
}

bool receive_request(int server, struct server_request *request)
{
	char control[CMSG_SPACE(sizeof(int)) + CMSG_SPACE(sizeof(struct ucred))] __attribute__((aligned(8)));
	struct iovec part = { .iov_base = request->packet, .iov_len = request->size - 1 };
	struct msghdr message = { .msg_iov = &part, .msg_iovlen = 1 };

	do {
		message.msg_control = control;
		message.msg_controllen = sizeof(control);
		request->length = recvmsg(server, &message, MSG_CMSG_CLOEXEC);
	} while (request->length < 0 && errno == EINTR);
	if (request->length <= 0)
		return false;
	request->packet[request->length] = '\0';
	request->descriptor = -1;
	request->process = 0;
	request->is_wrong = (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0;
	take_ancillary(&message, request);
	return true;
}

bool answer_request(int server, int32_t answer)
{
	return send(server, &answer, sizeof(answer), MSG_NOSIGNAL) == sizeof(answer);
}

bool identify(int descriptor, struct statx *found)
{
	const unsigned int wanted = STATX_TYPE | STATX_INO | STATX_MNT_ID_UNIQUE;

	return statx(descriptor, "", AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, wanted, found) == 0 &&
	       (found->stx_mask & wanted) == wanted;
}

bool confine(uint32_t capabilities, const int *calls, size_t count)
{
	static const int always[] = { SYS_close, SYS_exit_group, SYS_recvmsg, SYS_restart_syscall, SYS_rt_sigreturn, SYS_sendto, SYS_statx };
	enum { ALWAYS = sizeof(always) / sizeof(*always), MOST = 32 };
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct held[_LINUX_CAPABILITY_U32S_3] = { { .effective = capabilities, .permitted = capabilities } };
	struct sock_filter program[MOST + 3];
	struct sock_fprog filter = { .filter = program };
	const struct rlimit none = { 0, 0 };
	size_t all = ALWAYS + count;

	if (all > MOST)
		return false;
	program[0] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	for (size_t i = 0; i < all; i++)
		program[i + 1] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(i < ALWAYS ? always[i] : calls[i - ALWAYS]), (uint8_t)(all - i), 0);
	program[all + 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS);
	program[all + 2] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	filter.len = (unsigned short)(all + 3);
	for (unsigned long capability = 0; prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; capability++)
		prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
	return setrlimit(RLIMIT_CORE, &none) == 0 && syscall(SYS_capset, &header, held) == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter, 0, 0) == 0;
}
