import type { Timestamp } from '../../library/index.js';

const isoSeconds = (seconds: number): string => new Date(seconds * 1000).toISOString().slice(0, 19).replace('T', ' ');

/** For lists, in UTC: an image does not say where it was written. */
export const shortTime = ({ seconds }: Timestamp): string => isoSeconds(seconds);

export const fullTime = ({ seconds, nanoseconds }: Timestamp): string =>
  `${isoSeconds(seconds)}.${nanoseconds.toString().padStart(9, '0')} UTC`;

/** As JSON, to the nanosecond. */
export const jsonTime = ({ seconds, nanoseconds }: Timestamp): string =>
  new Date(seconds * 1000).toISOString().replace(/\.\d+Z$/, `.${nanoseconds.toString().padStart(9, '0')}Z`);
