// Looks around in an image without mounting it: its label, its largest files, and the text file named.
//
//     node dist/library/examples/look-around.js disk.img /etc/hostname
import { openFilesystem, type ImageFilesystem } from 'fuse4fs';

const [, , imagePath, textFile] = process.argv;
if (imagePath === undefined) {
  console.error('usage: look-around IMAGE [TEXT-FILE]');
  process.exit(2);
}

async function largestFiles(image: ImageFilesystem, count: number): Promise<{ path: string; size: number }[]> {
  const largest: { path: string; size: number }[] = [];
  // Damage in one place is no reason to miss the rest.
  const onError = (error: Error): void => console.error(`skipped: ${error.message}`);
  for await (const { path, stats } of image.walk('/', { onError })) {
    if (!stats.isFile()) continue;
    largest.push({ path, size: stats.size });
    largest.sort((a, b) => b.size - a.size);
    largest.length = Math.min(largest.length, count);
  }
  return largest;
}

const image = await openFilesystem(imagePath, { onProblem: ({ message }) => console.error(`damaged: ${message}`) });
try {
  const { label, blockSize, blocksCount } = image.superblock;
  console.log(`${label || 'no label'}: ${blocksCount} blocks of ${blockSize} bytes`);

  for (const { name } of await image.readdir('/', { withFileTypes: true })) console.log(`/${name}`);
  for (const { path, size } of await largestFiles(image, 3)) console.log(`${String(size).padStart(12)}  ${path}`);

  if (textFile !== undefined) console.log(await image.readFile(textFile, 'utf8'));
} finally {
  await image.close();
}
