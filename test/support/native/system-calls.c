/*
 * Raw system calls for the attack program, as a Node-API addon:
 *
 *   numbers                      { name: number } of this architecture
 *   call(number, arguments)      its result or -errno; arguments are numbers or Uint8Arrays (their addresses)
 *   threads(most)                how many threads could be started; they sleep for ever
 */
#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <node_api.h>

#define ENTRY(name) { #name, SYS_##name }

static const struct {
	const char *name;
	long number;
} known[] = {
#include "system-call-names.h"
};

enum { MOST_ARGUMENTS = 6 };

/* A child that was not meant to be must not go on as a second server. */
static long guarded(long number, const long a[MOST_ARGUMENTS])
{
	long result = syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
	int makes_process = number == SYS_clone || number == SYS_clone3;

#ifdef SYS_fork
	makes_process = makes_process || number == SYS_fork || number == SYS_vfork;
#endif
	if (makes_process && result == 0)
		_exit(0);
	return result < 0 ? -errno : result;
}

static napi_value call(napi_env env, napi_callback_info info)
{
	napi_value argv[2], element, result = NULL;
	size_t argc = 2, length;
	uint32_t count = 0;
	int64_t number, value;
	long a[MOST_ARGUMENTS] = { 0 };
	void *data;

	napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
	if (napi_get_value_int64(env, argv[0], &number) != napi_ok || napi_get_array_length(env, argv[1], &count) != napi_ok || count > MOST_ARGUMENTS) {
		napi_throw_type_error(env, NULL, "call(number, arguments)");
		return NULL;
	}
	for (uint32_t i = 0; i < count; i++) {
		napi_get_element(env, argv[1], i, &element);
		if (napi_get_value_int64(env, element, &value) == napi_ok)
			a[i] = (long)value;
		else if (napi_get_typedarray_info(env, element, NULL, &length, &data, NULL, NULL) == napi_ok)
			a[i] = (long)data;
		else
			napi_throw_type_error(env, NULL, "a number or a Uint8Array");
	}
	napi_create_int64(env, guarded((long)number, a), &result);
	return result;
}

static void *sleep_for_ever(void *unused)
{
	(void)unused;
	for (;;)
		sleep(1000);
	return NULL;
}

static napi_value threads(napi_env env, napi_callback_info info)
{
	napi_value argv[1], result = NULL;
	size_t argc = 1;
	int64_t most = 0, started = 0;
	pthread_t thread;

	napi_get_cb_info(env, info, &argc, argv, NULL, NULL);
	napi_get_value_int64(env, argv[0], &most);
	while (started < most && pthread_create(&thread, NULL, sleep_for_ever, NULL) == 0)
		started++;
	napi_create_int64(env, started, &result);
	return result;
}

NAPI_MODULE_INIT()
{
	napi_value numbers, value;

	napi_create_object(env, &numbers);
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		napi_create_int64(env, known[i].number, &value);
		napi_set_named_property(env, numbers, known[i].name, value);
	}
	napi_set_named_property(env, exports, "numbers", numbers);
	napi_create_function(env, "call", NAPI_AUTO_LENGTH, call, NULL, &value);
	napi_set_named_property(env, exports, "call", value);
	napi_create_function(env, "threads", NAPI_AUTO_LENGTH, threads, NULL, &value);
	napi_set_named_property(env, exports, "threads", value);
	return exports;
}
