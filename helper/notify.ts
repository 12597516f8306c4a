import notify from 'systemd-notify';

/**
 * Tells the service manager, where there is one, that a mount in the foreground is complete. For units
 * of Type=notify with NotifyAccess=all: the message comes from systemd-notify(1), a child.
 *
 * @returns what went wrong, for a warning: the mount is there all the same
 */
export async function notifyReady(status: string): Promise<string | undefined> {
  if (process.env['NOTIFY_SOCKET'] === undefined) return undefined;
  try {
    await notify({ ready: true, status });
    return undefined;
  } catch (error) {
    return `the service manager could not be told that the mount is ready: ${error instanceof Error ? error.message : String(error)}`;
  }
}
