import { requestsOf } from './server.js';

/**
 * Requests that carry data of files to a mount's server or from it: in a mount for iomap none, but for what is in
 * inodes.
 * @returns a line for each kind that there were, and one if the kernel asked for no mapping
 */
export async function dataThroughServer(target: string): Promise<string[]> {
  const requests = await requestsOf(target);
  const found = ['READ', 'WRITE'].filter((name) => (requests[name] ?? 0) > 0).map((name) => `${requests[name]} ${name} requests`);
  return (requests['IOMAP_BEGIN'] ?? 0) > 0 ? found : [...found, 'no IOMAP_BEGIN request'];
}
