const kinds: Readonly<Record<number, readonly [letter: string, words: string]>> = {
  0x1000: ['p', 'fifo'],
  0x2000: ['c', 'character special file'],
  0x4000: ['d', 'directory'],
  0x6000: ['b', 'block special file'],
  0x8000: ['-', 'regular file'],
  0xa000: ['l', 'symbolic link'],
  0xc000: ['s', 'socket'],
};

const kind = (mode: number): readonly [string, string] => kinds[mode & 0xf000] ?? ['?', 'of unknown type'];

export const typeWords = (mode: number): string => kind(mode)[1];

export const permissionDigits = (mode: number): string => (mode & 0o7777).toString(8).padStart(4, '0');

/** As ls -l shows it, for example drwxr-sr-x. */
export function modeLetters(mode: number): string {
  const [letter] = kind(mode);
  const triple = (shift: number, special: number, letters: string): string => {
    const bits = (mode >> shift) & 7;
    const execute = (bits & 1) !== 0;
    const last = (mode & special) === 0 ? (execute ? 'x' : '-') : execute ? letters.charAt(0) : letters.charAt(1);
    return `${bits & 4 ? 'r' : '-'}${bits & 2 ? 'w' : '-'}${last}`;
  };
  return `${letter}${triple(6, 0o4000, 'sS')}${triple(3, 0o2000, 'sS')}${triple(0, 0o1000, 'tT')}`;
}
