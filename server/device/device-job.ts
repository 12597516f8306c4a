import type { BlockDevice } from './block-device.js';

/** Where something is written to: a device at once, or a job that does it later. */
export type DeviceWriter = Pick<BlockDevice, 'write' | 'settle' | 'flush'>;

/** One write, or what waits for those that came before. */
export interface DeviceStep {
  readonly device: BlockDevice;
  readonly bytes: Uint8Array | 'settle' | 'flush';
  readonly offset: number;
  readonly length: number;
  readonly position: number;
}

/** Writes and flushes of one or several devices, to be carried out in this order. */
export class DeviceJob {
  readonly steps: DeviceStep[] = [];

  /** What is written or flushed there becomes the next step. The bytes have to stay as they are until the job has ended. */
  on(device: BlockDevice): DeviceWriter {
    return {
      write: (bytes, offset, length, position) => void this.steps.push({ device, bytes, offset, length, position }),
      settle: () => void this.steps.push({ device, bytes: 'settle', offset: 0, length: 0, position: 0 }),
      flush: () => void this.steps.push({ device, bytes: 'flush', offset: 0, length: 0, position: 0 }),
    };
  }

  clear(): void {
    this.steps.length = 0;
  }
}

/** Carries out one job after the other, the caller waiting or not. */
export interface JobRunner {
  /** Whether the job goes on: no other can be started. */
  readonly isRunning: boolean;
  /** Begins with a job, which may have ended on return. It stops at the first step that fails. */
  start(job: DeviceJob): void;
  /**
   * Waits until the job has ended. To be called once for each.
   * @throws DeviceError of the step that failed
   */
  finish(): void;
  /** What goes on is brought to its end, and nothing can be started. */
  close(): void;
}
