import { existsSync, watch } from 'node:fs';
import { dirname } from 'node:path';

/** Calls `changed` whenever something in the directory has; it need not exist yet. */
export function watchDirectory(path: string, changed: () => void): void {
  const [place, next] = nearest(path);
  const watcher = watch(place, () => {
    if (next === undefined) return changed();
    if (existsSync(next)) goOn();
  });
  let left = false;
  const goOn = (): void => {
    if (left) return;
    left = true;
    watcher.close();
    watchDirectory(path, changed);
    changed();
  };
  // It may have come since we looked.
  if (next !== undefined && existsSync(next)) goOn();
}

/** The directory itself, or what there is on the way to it and what is missing there. */
function nearest(path: string): readonly [place: string, next: string | undefined] {
  let next: string | undefined;
  let place = path;
  while (!existsSync(place)) [next, place] = [place, dirname(place)];
  return [place, next];
}
