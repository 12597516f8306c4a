import { errorName, errorText, shim } from '../native/shim.js';
import { MountError } from './errors.js';
import type { IomapWish } from './option-table.js';
import type { Source } from './source.js';

const SETTING = '/sys/module/fuse/parameters/enable_iomap';

/**
 * Lets the mount that will be made of /dev/fuse keep file data in the kernel. It is asked for before the
 * mount, and of a block device only: the kernel moves data to nothing else. Where it refuses, the server
 * moves the data, unless that is not wanted.
 */
export function permitIomap(fuse: number, { kind, name }: Source, wish: IomapWish): void {
  if (wish === 'off') return;
  if (kind !== 'BLOCK_DEVICE') {
    if (wish === 'auto') return;
    throw new MountError('NO_IOMAP', `iomap=on: ${name} is not a block device`, `make it one: losetup --find --show ${name}`);
  }
  const result = shim.fuseAddIomap(fuse);
  if (result >= 0 || wish === 'auto') return;
  throw new MountError('NO_IOMAP', ...refusal(result));
}

function refusal(result: number): [message: string, hint: string] {
  switch (errorName(result)) {
    case 'ENOTTY':
    case 'EINVAL':
      return ['iomap=on: this kernel has no iomap for FUSE', 'it needs the fuse-iomap extension; iomap=auto mounts without it'];
    case 'EPERM':
      return ['iomap=on: the kernel does not permit iomap', `CAP_SYS_RAWIO is needed, and "Y" in ${SETTING}; iomap=auto mounts without it`];
    default:
      return [`iomap=on: the kernel refuses iomap: ${errorText(result)}`, 'iomap=auto mounts without it'];
  }
}
