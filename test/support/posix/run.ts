import { run } from '../command.js';
import { nativeProgram } from '../native.js';
import type { Case } from './case.js';

/** What each call of each case returned, in the order of the cases. */
export async function runCases(directory: string, cases: readonly Case[]): Promise<string[][]> {
  const script = cases.map(({ calls }, index) => [`case ${index}`, ...calls, 'end', ''].join('\n')).join('');
  const output = (await run(await nativeProgram('syscalls'), [directory], { input: script })).toString('latin1');
  const sections = output.split(/^case .*\n/mu).slice(1);
  if (sections.length !== cases.length) throw new Error(`${sections.length} of ${cases.length} cases ran: ${output.slice(-500)}`);
  return sections.map((section) => section.replace(/\n*end\n$/u, '').split('\n').map((line) => line.trim()));
}

/** Calls with their results: what a failing test shows. */
export const transcript = ({ calls }: Case, results: readonly string[]): string[] =>
  Array.from({ length: Math.max(calls.length, results.length) }, (_, index) => `${calls[index] ?? 'end'} → ${results[index] ?? 'nothing'}`);
