/*
 * CRC-32C by the processor's own instruction. Words may be read at any address, which both
 * architectures allow; the bytes may change meanwhile, and then so does the sum.
 */
#include <string.h>

#include "crc32c.h"

#if defined(__x86_64__)
#include <nmmintrin.h>

#define HARDWARE __attribute__((target("sse4.2")))
#define STEP_WORD(crc, word) ((uint32_t)_mm_crc32_u64(crc, word))
#define STEP_BYTE(crc, byte) _mm_crc32_u8(crc, byte)

bool crc32c_in_hardware(void)
{
	return __builtin_cpu_supports("sse4.2");
}

#elif defined(__aarch64__)
#include <arm_acle.h>
#include <sys/auxv.h>

#define HARDWARE __attribute__((target("+crc")))
#define STEP_WORD(crc, word) __crc32cd(crc, word)
#define STEP_BYTE(crc, byte) __crc32cb(crc, byte)

bool crc32c_in_hardware(void)
{
	return getauxval(AT_HWCAP) & (1 << 7 /* HWCAP_CRC32 */);
}

#else
#define HARDWARE
#define STEP_WORD(crc, word) (crc)
#define STEP_BYTE(crc, byte) (crc)

bool crc32c_in_hardware(void)
{
	return false;
}

#endif

HARDWARE static uint32_t continued(uint32_t crc, const uint8_t *bytes, size_t length)
{
	uint64_t word;

	for (; length >= sizeof(word); length -= sizeof(word), bytes += sizeof(word)) {
		memcpy(&word, bytes, sizeof(word));
		crc = STEP_WORD(crc, word);
	}
	for (; length > 0; length--)
		crc = STEP_BYTE(crc, *bytes++);
	return crc;
}

napi_value shim_crc32c(napi_env env, napi_callback_info info)
{
	napi_value argv[4], result;
	uint32_t seed;
	uint8_t *bytes;
	size_t length;
	int64_t start, end;

	if (!shim_arguments(env, info, 4, argv) || !shim_bytes(env, argv[1], &bytes, &length) ||
	    !shim_int64(env, argv[2], &start) || !shim_int64(env, argv[3], &end))
		return NULL;
	if (napi_get_value_uint32(env, argv[0], &seed) != napi_ok || start < 0 || end < start || (uint64_t)end > length) {
		napi_throw_range_error(env, NULL, "outside the array");
		return NULL;
	}
	napi_create_uint32(env, continued(seed, bytes + start, (size_t)(end - start)), &result);
	return result;
}
