#include "filter-program.h"

#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>

void filter_put(struct filter_program *program, unsigned short code, unsigned int value, unsigned char when_true, unsigned char when_false)
{
	program->instructions[program->length++] = (struct sock_filter){ code, when_true, when_false, value };
}

void filter_load(struct filter_program *program, unsigned int offset)
{
	filter_put(program, BPF_LD | BPF_W | BPF_ABS, offset, 0, 0);
}

void filter_answer(struct filter_program *program, unsigned int value)
{
	filter_put(program, BPF_RET | BPF_K, value, 0, 0);
}

void filter_begin(struct filter_program *program, unsigned int architecture)
{
	filter_load(program, offsetof(struct seccomp_data, arch));
	filter_put(program, BPF_JMP | BPF_JEQ | BPF_K, architecture, 1, 0);
	filter_answer(program, SECCOMP_RET_KILL_PROCESS);
	filter_load(program, offsetof(struct seccomp_data, nr));
}

void filter_for_call(struct filter_program *program, int call, unsigned char length)
{
	filter_put(program, BPF_JMP | BPF_JEQ | BPF_K, (unsigned int)call, 0, length);
}

void filter_answer_call(struct filter_program *program, int call, unsigned int value)
{
	filter_for_call(program, call, 1);
	filter_answer(program, value);
}

void filter_allow_values(struct filter_program *program, int call, unsigned int argument, const unsigned int *values, size_t count)
{
	filter_for_call(program, call, (unsigned char)(2 + 2 * count));
	filter_load(program, ARGUMENT(argument));
	for (size_t i = 0; i < count; i++)
		filter_answer_call(program, (int)values[i], SECCOMP_RET_ALLOW);
	filter_answer(program, program->refusal);
}

void filter_allow_without(struct filter_program *program, int call, unsigned int argument, unsigned int bits)
{
	filter_for_call(program, call, 4);
	filter_load(program, ARGUMENT(argument));
	filter_put(program, BPF_JMP | BPF_JSET | BPF_K, bits, 0, 1);
	filter_answer(program, program->refusal);
	filter_answer(program, SECCOMP_RET_ALLOW);
}
