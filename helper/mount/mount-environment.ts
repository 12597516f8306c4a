import type { HelperTimeouts } from '../../protocol/service/helper-end.js';
import { systemRuntime, type Runtime } from './runtime.js';
import { serverProgram, treeServerProgram, type ServerProgram } from './server-root.js';

/** What tests replace. */
export interface MountEnvironment {
  readonly runtime: Runtime;
  readonly program: () => ServerProgram;
  readonly treeProgram: () => ServerProgram;
  readonly timeouts: Partial<HelperTimeouts>;
  /** How long a server that has no reason to live any longer may take to end, in milliseconds. */
  readonly patience: number;
  readonly oldApi: boolean;
  /** A signal ends this process, and undoes what else would stay behind. */
  readonly interruptible: boolean;
}

export const systemEnvironment = (): MountEnvironment => ({
  runtime: systemRuntime(),
  program: serverProgram,
  treeProgram: treeServerProgram,
  timeouts: {},
  patience: 2000,
  oldApi: false,
  interruptible: false,
});
