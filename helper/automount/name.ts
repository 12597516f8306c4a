/** Names of directories, made of what somebody wrote on a medium. */

/** In bytes: a label of ext4 has 16, which become three times as many at most. */
const LONGEST = 64;
/** Control characters, what turns the direction of a line, line ends of Unicode, halves of characters, and what separates names. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Cn}\p{Co}/\\\uFFFD]/gu;
const MOST_TRIES = 100;

/** The label where it has one, else the UUID: one component of a path, that neither hides nor leads anywhere. */
export function directoryName(label: string, uuid: string): string {
  return safe(label) || safe(uuid) || 'disk';
}

function safe(text: string): string {
  const plain = text.normalize('NFC').replaceAll(UNSAFE, '_').replace(/\p{Zs}/gu, ' ').trim().replace(/^[.-]+/u, (leading) => '_'.repeat(leading.length));
  let name = '';
  for (const character of plain) {
    if (Buffer.byteLength(name + character) > LONGEST) break;
    name += character;
  }
  return name.trimEnd();
}

/** The name, and others for when it is taken. */
export function* candidates(name: string): Generator<string> {
  yield name;
  for (let number = 2; number <= MOST_TRIES; number++) yield `${name}-${number}`;
}
