import { run } from './command.js';
import { nativeProgram } from './native.js';

/** What a filesystem shows, by path: the fields of test/support/native/manifest.c. */
export type Manifest = ReadonlyMap<string, ReadonlyMap<string, string>>;

const parseLine = (line: string): [string, ReadonlyMap<string, string>] => {
  const [path = '', ...fields] = line.split('\t');
  return [
    path,
    new Map(
      fields.map((field) => {
        const end = field.indexOf('=');
        return [field.slice(0, end), field.slice(end + 1)];
      }),
    ),
  ];
};

const parseManifest = (text: string): Manifest =>
  new Map(
    text
      .split('\n')
      .filter((line) => line !== '')
      .map(parseLine),
  );

export async function treeManifest(root: string): Promise<Manifest> {
  return parseManifest((await run(await nativeProgram('manifest'), [root])).toString());
}

/** SHA-256 of a file, however sparse. */
export async function fileDigest(path: string): Promise<string> {
  return (await treeManifest(path)).get('.')?.get('sha256') ?? '';
}

function* fieldDifferences(
  path: string,
  expected: ReadonlyMap<string, string>,
  found: ReadonlyMap<string, string>,
  ignored: ReadonlySet<string>,
): Generator<string> {
  for (const key of new Set([...expected.keys(), ...found.keys()])) {
    const [want, got] = [expected.get(key), found.get(key)];
    if (want !== got && !ignored.has(key)) yield `${path}: ${key} is ${got ?? 'absent'}, should be ${want ?? 'absent'}`;
  }
}

/** One readable line for each difference; `ignored` names fields that the expected side cannot know. */
export function manifestDifferences(expected: Manifest, found: Manifest, ignored: readonly string[] = []): string[] {
  const ignoredKeys = new Set(ignored);
  const differences: string[] = [];
  for (const path of new Set([...expected.keys(), ...found.keys()])) {
    const [want, got] = [expected.get(path), found.get(path)];
    if (!got) differences.push(`${path}: missing`);
    else if (!want) differences.push(`${path}: should not be there`);
    else differences.push(...fieldDifferences(path, want, got, ignoredKeys));
  }
  return differences;
}
