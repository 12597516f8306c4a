import { optionTable, type OptionEntry } from '../helper/mount/option-table.js';

const sections: readonly (readonly [title: string, to: OptionEntry['to'], about: string])[] = [
  ['Options that the kernel acts on', 'flags', 'As for any mount, see\n.Xr mount 8 .'],
  ['Security contexts', 'kernel', 'Handed to the kernel as they are.'],
  ['Options of the helper', 'helper', 'About the source and the mount.'],
  ['Options of the filesystem', 'server', 'Acted on by the server. Most are those of\n.Xr ext4 5 .'],
];

const POLICY = [
  '.Ss The policy of a directory',
  'An object with an array',
  '.Cm rules .',
  'Each rule has a',
  '.Cm path ,',
  'from the root of the directory, in which',
  '.Cm *',
  'stands for any part of a name,',
  '.Cm ?\\&',
  'for one character, and',
  '.Cm **',
  'as a whole name for any number of names, none included;',
  'and one or more of',
  '.Cm hide ,',
  '.Cm deny ,',
  '.Cm readOnly ,',
  '.Cm noExec',
  'and',
  '.Cm audit ,',
  'which are true or false, and',
  '.Cm uidShift',
  'and',
  '.Cm gidShift ,',
  'which are added to the numbers of owners.',
  'All rules that match count together, of several shifts the last:',
  '.Bd -literal -offset indent',
  '{ "rules": [',
  '  { "path": "/**/*.key", "hide": true },',
  '  { "path": "/docs/**", "readOnly": true, "audit": true }',
  '] }',
  '.Ed',
];

/** The manual page fuse4fs(5) in mdoc, from the one table that also parses the options and makes --help. */
export function optionPage(date: string): string {
  const described = sections.flatMap(([title, to, about]) => [
    `.Ss ${title}`,
    about.replace(/(?<=\.) (?=[A-Z])/g, '\n'),
    '.Bl -tag -width Ds',
    ...optionTable.filter((entry) => entry.to === to).flatMap(describe),
    '.El',
  ]);
  const ignored = optionTable.filter(({ to }) => to === 'nobody').map(({ name }) => `.Cm ${name}`);
  return [
    `.Dd ${date}`,
    '.Dt FUSE4FS 5',
    '.Os',
    '.Sh NAME',
    '.Nm fuse4fs',
    '.Nd mount options',
    '.Sh DESCRIPTION',
    'Options are given to',
    '.Xr fuse4fs 1',
    'and',
    '.Xr mount 8',
    'with',
    '.Fl o ,',
    'or in the fourth field of',
    '.Xr fstab 5 ,',
    'separated by commas; double quotes keep a comma in a value.',
    'Of two that contradict each other the later one counts.',
    'Unknown ones are refused by name, unless',
    '.Fl s',
    'is given.',
    'Bytes may be given with K, M, G or T for powers of 1024.',
    ...described,
    ...POLICY,
    '.Ss Accepted, and without effect',
    "So that a line written for the kernel's own ext4 goes on working, and all that begin with x-:",
    ...ignored.map((line, index) => (index < ignored.length - 1 ? `${line} ,` : `${line} .`)),
    '.Sh SEE ALSO',
    '.Xr fuse4fs 1 ,',
    '.Xr ext4 5 ,',
    '.Xr mount 8 ,',
    '.Xr mount.fuse4fs 8',
    '',
  ].join('\n');
}

function describe(entry: OptionEntry): string[] {
  const value = 'value' in entry ? entry.value : undefined;
  const argument = value?.metavar.replaceAll('|', ' | ');
  const term = argument === undefined ? entry.name : value?.optional ? `${entry.name} Ns Oo = Ns Ar ${argument} Oc` : `${entry.name}= Ns Ar ${argument}`;
  // A line that begins with a dot or an apostrophe would be a request to the formatter.
  const help = `${entry.help.charAt(0).toUpperCase()}${entry.help.slice(1)}.`.replace(/^(?=[.'])/, '\\&');
  return [`.It Cm ${term}`, help];
}
