import { appends } from './appends.js';
import { git } from './git.js';
import { manyFiles } from './many-files.js';
import { mappedReads } from './mapped-reads.js';
import { mixed } from './mixed.js';
import { postgresql } from './postgresql.js';
import { randomReads } from './random-reads.js';
import { randomWrites } from './random-writes.js';
import type { Course } from './row.js';
import { sequentialReads } from './sequential-reads.js';
import { sequentialOverwrites, sequentialWrites } from './sequential-writes.js';
import { sourceTree } from './source-tree.js';
import { sqlite } from './sqlite.js';
import { walks } from './walks.js';

export const allCourses: readonly Course[] = [sequentialReads, randomReads, mappedReads, sequentialWrites, sequentialOverwrites, randomWrites, appends, walks, ...manyFiles, sourceTree, git, sqlite, postgresql, mixed];

/** What is left of the courses; in a chain also the rows before those that are wanted. */
export function coursesFor(isWanted: (row: Course['rows'][number]) => boolean): Course[] {
  return allCourses.flatMap((course) => {
    const last = course.rows.findLastIndex(isWanted);
    if (last < 0) return [];
    return [{ ...course, rows: course.isChain === true ? course.rows.slice(0, last + 1) : course.rows.filter(isWanted) }];
  });
}
