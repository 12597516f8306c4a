#include "write-job.h"

#include <stddef.h>

enum { PAGE = 4096 };

size_t size_of_write_job(const struct write_job *job)
{
	return offsetof(struct write_job, pieces) + (size_t)job->count * sizeof(struct piece);
}

double length_of_write_job(const struct write_job *job)
{
	double length = 0;

	for (size_t i = 0; i < (size_t)job->count; i++)
		length += job->pieces[i].length;
	return length;
}

bool is_sound_write_job(const struct write_job *job, size_t length, size_t available, size_t largest)
{
	double total = 0;

	if (length < offsetof(struct write_job, pieces) || !(job->count >= 1 && job->count <= MOST_PIECES) || length < size_of_write_job(job))
		return false;
	for (size_t i = 0; i < (size_t)job->count; i++) {
		const struct piece *piece = &job->pieces[i];

		if (!(piece->length >= 1 && piece->from >= 0 && piece->from + piece->length <= (double)available))
			return false;
		total += piece->length;
	}
	return total <= (double)largest;
}

bool write_job_lies_on_pages(const struct write_job *job, const uint8_t *memory)
{
	for (size_t i = 0; i < (size_t)job->count; i++)
		if (((uintptr_t)memory + (size_t)job->pieces[i].from) % PAGE != 0)
			return false;
	return true;
}

bool write_job_overlaps(const struct write_job *job, double position, double length)
{
	for (size_t i = 0; i < (size_t)job->count; i++)
		if (job->pieces[i].position < position + length && position < job->pieces[i].position + job->pieces[i].length)
			return true;
	return false;
}
