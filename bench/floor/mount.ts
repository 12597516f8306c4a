import { BareMount } from '../../test/support/bare-mount.js';
import type { Mounted } from '../mounted.js';

export const floorVersion = `floor: constants through the session, Node ${process.version}`;

/** Takes a place of its own to mount at; what is on the device does not matter. */
export async function mountFloor(device: string): Promise<Mounted> {
  const mount = await BareMount.make({ main: 'bench/floor/main.js', image: device });
  return {
    server: mount.server.pid,
    target: mount.target,
    unmount: async () => void (await mount.unmount()),
  };
}
