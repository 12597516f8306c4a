/* What is undone when a signal ends the helper. */
#include <signal.h>
#include <sys/mount.h>

#include "helper.h"

static const int interrupts[] = { SIGINT, SIGTERM, SIGHUP };
enum { INTERRUPTS = sizeof(interrupts) / sizeof(*interrupts) };

static struct sigaction uninterrupted[INTERRUPTS];
static int interrupted_status;
static char interrupted_unlink[PATH_SIZE];
static char interrupted_unmount[PATH_SIZE];

/* Only system calls that signal-safety(7) allows. */
static void interrupted(int signal)
{
	(void)signal;
	if (*interrupted_unmount)
		umount2(interrupted_unmount, MNT_DETACH);
	if (*interrupted_unlink)
		unlink(interrupted_unlink);
	_exit(interrupted_status);
}

/*
 * exitWhenInterrupted(status, unlink, unmount): what SIGINT, SIGTERM and SIGHUP do from now on, also
 * while the thread is blocked in a system call. Status 0: what they did before.
 */
static napi_value shim_exit_when_interrupted(napi_env env, napi_callback_info info)
{
	napi_value argv[3];
	sigset_t blocked, before;
	int32_t status;
	bool understood;

	if (!shim_arguments(env, info, 3, argv) || !shim_int32(env, argv[0], &status))
		return NULL;
	sigemptyset(&blocked);
	for (size_t i = 0; i < INTERRUPTS; i++)
		sigaddset(&blocked, interrupts[i]);
	pthread_sigmask(SIG_BLOCK, &blocked, &before);
	understood = shim_string(env, argv[1], interrupted_unlink, sizeof(interrupted_unlink)) &&
		     shim_string(env, argv[2], interrupted_unmount, sizeof(interrupted_unmount));
	for (size_t i = 0; understood && i < INTERRUPTS; i++) {
		struct sigaction action = { .sa_handler = interrupted };

		if (status == 0 && interrupted_status != 0)
			sigaction(interrupts[i], &uninterrupted[i], NULL);
		else if (status != 0)
			sigaction(interrupts[i], &action, interrupted_status == 0 ? &uninterrupted[i] : NULL);
	}
	if (understood)
		interrupted_status = status;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return understood ? shim_result(env, 0) : NULL;
}

void export_interruption(napi_env env, napi_value exports)
{
	shim_export(env, exports, "exitWhenInterrupted", shim_exit_when_interrupted);
}
