/** Versions and features: what this program speaks, and how the two ends agree. */
import { HandshakeError } from '../packets/errors.js';
import type { Hello, Welcome } from './messages.js';

const SOFTWARE = 'fuse4fs 0.1.0';

export interface Offer {
  readonly versionMin: number;
  readonly versionMax: number;
  /** Without these the handshake fails. */
  readonly requiredFeatures: readonly string[];
  /** Used where the other end has them. */
  readonly optionalFeatures: readonly string[];
  readonly software: string;
}

export const OFFER: Offer = {
  versionMin: 1,
  versionMax: 1,
  requiredFeatures: [],
  optionalFeatures: [],
  software: SOFTWARE,
};

export interface Agreement {
  readonly version: number;
  readonly features: ReadonlySet<string>;
  /** The other end's name for itself, for logs. */
  readonly software: string;
}

/** The server's choice from what the helper offers. */
export function agree(hello: Hello, own: Offer): Agreement {
  const version = Math.min(hello.versionMax, own.versionMax);
  if (version < Math.max(hello.versionMin, own.versionMin)) {
    throw new HandshakeError('VERSION', 'helper and server have no protocol version in common: '
      + `helper ${hello.versionMin} to ${hello.versionMax}, server ${own.versionMin} to ${own.versionMax}`);
  }
  const known = new Set([...own.requiredFeatures, ...own.optionalFeatures]);
  const offered = new Set([...hello.requiredFeatures, ...hello.optionalFeatures]);
  demand(hello.requiredFeatures, known, 'the server lacks features that the helper requires');
  demand(own.requiredFeatures, offered, 'the helper lacks features that the server requires');
  return { version, features: new Set([...offered].filter((name) => known.has(name))), software: hello.software };
}

/** The helper's look at the server's choice. */
export function accept(welcome: Welcome, own: Offer): Agreement {
  if (welcome.version < own.versionMin || welcome.version > own.versionMax) {
    throw new HandshakeError('VERSION', `the server chose version ${welcome.version}, offered were ${own.versionMin} to ${own.versionMax}`);
  }
  const chosen = new Set(welcome.features);
  demand(own.requiredFeatures, chosen, 'the server did not confirm required features');
  demand(welcome.features, new Set([...own.requiredFeatures, ...own.optionalFeatures]), 'the server chose features that were not offered');
  return { version: welcome.version, features: chosen, software: welcome.software };
}

function demand(wanted: readonly string[], present: ReadonlySet<string>, complaint: string): void {
  const missing = wanted.filter((name) => !present.has(name));
  if (missing.length > 0) throw new HandshakeError('FEATURE', `${complaint}: ${missing.join(', ')}`);
}
