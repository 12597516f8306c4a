/** What is used of a package that has no types of its own. */
declare module 'unix-dgram' {
  export interface Socket {
    bind(path: string): void;
    send(bytes: Buffer, offset: number, length: number, path: string, callback: (error?: Error) => void): void;
    close(): void;
  }
  const unixDgram: { createSocket(type: 'unix_dgram', listener?: (message: Buffer) => void): Socket };
  export default unixDgram;
}
