import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { chart } from './chart.js';
import type { Machine } from './machine.js';
import { projectRoot } from './native-program.js';
import type { RowReport } from './report.js';
import type { Sizes } from './sizes.js';
import { formatMarkdown } from './table.js';

/** How a result came about. */
export interface About {
  readonly date: string;
  readonly machine: Machine;
  readonly versions: Readonly<Record<string, string>>;
  readonly rounds: number;
  readonly backing: 'file' | 'tmpfs';
  readonly sizes: Sizes;
}

/** For people, in three lines. */
export const describe = ({ machine: { processor, processors, memory }, versions, rounds, backing }: About): string[] => [
  `${processors} × ${processor}, ${memory}; image on a loop device over a file${backing === 'tmpfs' ? ' in tmpfs' : ''}`,
  Object.values(versions).filter((version, index, all) => all.indexOf(version) === index).join('; '),
  rounds === 1 ? 'one round' : `medians of ${rounds} rounds, ± half the distance between the best and the worst`,
];

/** A result in bench/results: one for each backing, with --quick and without. */
export class StoredResult {
  readonly #path: string;

  constructor(backing: About['backing'], quick: boolean) {
    this.#path = join(projectRoot, 'bench', 'results', `${backing}${quick ? '-quick' : ''}`);
  }

  /** Of the JSON; undefined where nothing was stored. */
  get path(): string | undefined {
    return existsSync(`${this.#path}.json`) ? `${this.#path}.json` : undefined;
  }

  /** JSON, a chart and a table. @returns where they are, from the root of the project on */
  write(about: About, rows: readonly RowReport[], names: readonly string[]): string {
    mkdirSync(join(this.#path, '..'), { recursive: true });
    writeFileSync(`${this.#path}.json`, json(about, rows));
    writeFileSync(`${this.#path}.svg`, drawing(about, rows));
    writeFileSync(`${this.#path}.md`, `# ${about.date.slice(0, 10)}\n\n${describe(about).join('  \n')}\n\n${formatMarkdown(rows, names)}\n`);
    return `${relative(projectRoot, this.#path)}.json, .svg, .md`;
  }
}

export const json = (about: About, rows: readonly RowReport[]): string => `${JSON.stringify({ ...about, rows }, null, 1)}\n`;

export const drawing = (about: About, rows: readonly RowReport[]): string => chart(rows, describe(about));
