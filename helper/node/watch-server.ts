import { connect } from 'node:net';

/** The life of a server, as it tells it on its status socket. */
export interface WatchedServer {
  /** It was told to stop, and waits for the unmount. */
  readonly stopping: Promise<'stopping'>;
  /** It is gone, or does not speak to us any more. */
  readonly ended: Promise<'ended'>;
}

const LONGEST_LINE = 2 ** 20;

/** Nothing of what the server says is believed further than its own mount goes. */
export function watchServer(statusSocket: string): WatchedServer {
  const connection = connect(statusSocket);
  let pending = '';
  let stop: (value: 'stopping') => void = () => undefined;
  const stopping = new Promise<'stopping'>((resolve) => (stop = resolve));
  const ended = new Promise<'ended'>((resolve) => connection.on('close', () => resolve('ended')));
  connection.on('error', () => connection.destroy());
  connection.setEncoding('utf8').on('data', (chunk: string) => {
    const lines = (pending + chunk).split('\n');
    pending = lines.pop() ?? '';
    if (lines.includes('{"event":"stopping"}')) stop('stopping');
    if (pending.length > LONGEST_LINE) connection.destroy();
  });
  connection.write('{"request":"watch"}\n');
  return { stopping, ended };
}
