import { optionTable, type OptionEntry } from '../helper/mount/option-table.js';

const WIDTH = 80;
const INDENT = 26;

const sections: readonly (readonly [title: string, to: OptionEntry['to']])[] = [
  ['Mount options that the kernel acts on', 'flags'],
  ['Security contexts', 'kernel'],
  ['Mount options of the helper', 'helper'],
  ['Mount options of the filesystem', 'server'],
];

/** The options of -o, from the one table that also parses them. */
export function optionHelp(): string {
  const parts = sections.map(([title, to]) => {
    const lines = optionTable.filter((entry) => entry.to === to).map(describe);
    return `${title}:\n${lines.join('\n')}`;
  });
  const ignored = optionTable.filter(({ to }) => to === 'nobody').map(({ name }) => name);
  return [...parts, `Accepted, and without effect:\n${wrap(`${ignored.join(', ')}, and all that begin with x-`, 2)}`].join('\n\n');
}

function describe(entry: OptionEntry): string {
  const value = 'value' in entry ? entry.value : undefined;
  const argument = value === undefined ? '' : value.optional ? `[=${value.metavar}]` : `=${value.metavar}`;
  const name = `  ${entry.name}${argument}`;
  const help = wrap(entry.help, INDENT);
  return name.length < INDENT - 1 ? name.padEnd(INDENT) + help.trimStart() : `${name}\n${help}`;
}

export function wrap(text: string, indent: number): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    if (line !== '' && indent + line.length + 1 + word.length > WIDTH) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  lines.push(line);
  return lines.map((text) => ' '.repeat(indent) + text).join('\n');
}
