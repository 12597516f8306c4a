/* How a step of a job is put to its thread (native/job-thread.c). */

export const NUMBERS_PER_STEP = 5;

/** In the place of an array, where a step has none to write. */
export const WITHOUT_ARRAY = { flush: -1, settle: -2, fetch: -3 } as const;

/** Of what a job says it took, in a millisecond. */
export const NANOSECONDS = 1e6;
