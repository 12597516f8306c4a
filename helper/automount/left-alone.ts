/** Devices that somebody else takes care of, or that have nothing for us. */
import { readFileSync, realpathSync } from 'node:fs';
import { resolveTag } from '../mount/source.js';
import { readMounts, unescaped } from '../mount/mountinfo.js';
import type { Device } from './device.js';

const TYPES: readonly string[] = ['ext2', 'ext3', 'ext4'];

/** Why the device is not for us, whatever the policy says. */
export function reasonToLeave(device: Device, fstab: string): string | undefined {
  const { type, node, number, isPrivate } = device;
  if (isPrivate) return 'it is a mapping that is being changed, or a part of another one';
  if (!TYPES.includes(type)) return type === '' ? 'udev sees no filesystem on it' : `its filesystem is ${type}`;
  const mounted = readMounts().find((mount) => mount.source === node || mount.device === number);
  if (mounted !== undefined) return `it is mounted on ${mounted.target} already`;
  if (isListed(device, fstab)) return `${fstab} has it`;
  return undefined;
}

function isListed({ node, uuid, label }: Device, fstab: string): boolean {
  return sourcesIn(fstab).some((source) => {
    const [, tag, value = ''] = /^(UUID|LABEL)="?(.*?)"?$/su.exec(source) ?? [];
    if (tag === 'UUID') return value.toLowerCase() === uuid;
    if (tag === 'LABEL') return value === label;
    return leadsTo(source, node);
  });
}

function sourcesIn(fstab: string): string[] {
  let text: string;
  try {
    text = readFileSync(fstab, 'utf8');
  } catch {
    return [];
  }
  const fields = text.split('\n').map((line) => line.trim().split(/\s+/u)[0] ?? '');
  return fields.filter((field) => field !== '' && !field.startsWith('#')).map(unescaped);
}

function leadsTo(source: string, node: string): boolean {
  try {
    return realpathSync(resolveTag(source)) === node;
  } catch {
    return false;
  }
}
