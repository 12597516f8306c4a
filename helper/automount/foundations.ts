/**
 * What a mapping or a RAID lies on can be pulled out while the mapping stays: systemd is told that the service of the
 * mapping ends with each of them.
 */
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { log } from '../log.js';
import type { Device } from './device.js';
import { systemctl } from './systemd.js';

const settingsOf = (name: string, units: string): string => join(units, `fuse4fs-automount@${name.replaceAll('-', '\\x2d')}.service.d`);

/** @param units without systemd there is no such directory, and nothing to be done. */
export function bindToFoundations({ name, foundations }: Pick<Device, 'name' | 'foundations'>, units: string): void {
  // Others have names that units cannot have as they are.
  const plain = foundations.filter((one) => /^[a-z0-9_]+$/iu.test(one)).map((one) => `dev-${one}.device`);
  if (plain.length === 0 || !existsSync(units)) return;
  const settings = settingsOf(name, units);
  try {
    mkdirSync(settings, { recursive: true });
    writeFileSync(join(settings, 'foundations.conf'), `[Unit]\nBindsTo=${plain.join(' ')}\nAfter=${plain.join(' ')}\n`, { mode: 0o644 });
    systemctl('daemon-reload');
  } catch (error) {
    rmSync(settings, { recursive: true, force: true });
    log('warning', `${name}: it will not be noticed when ${foundations.join(' or ')} goes: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Another mapping may have the name next. */
export function withoutFoundations(name: string, units: string): void {
  const settings = settingsOf(name, units);
  if (!existsSync(settings)) return;
  rmSync(settings, { recursive: true, force: true });
  systemctl('daemon-reload');
}
