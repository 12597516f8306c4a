#ifndef TEST_RANDOM_H
#define TEST_RANDOM_H

#include <stdint.h>

/* Numbers that are the same for the same seed, everywhere (xorshift64*). The program defines where they are. */
extern uint64_t random_state;

static inline void seed_random(uint64_t seed)
{
	random_state = (seed + 1) * 0x9e3779b97f4a7c15ULL;
}

static inline uint32_t word(void)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (random_state * 0x2545f4914f6cdd1dULL) >> 32;
}

#endif
