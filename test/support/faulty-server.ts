/**
 * A server that keeps to the protocol up to a step and then fails in some way:
 * faulty-server.js STEP ACTION MARK
 */
import { Channel } from '../../protocol/seqpacket/channel.js';
import { ServerEnd } from '../../protocol/service/server-end.js';

export const STEPS = ['connected', 'hello', 'source', 'journal', 'mounted'] as const;
export const ACTIONS = ['killed', 'exit', 'refuse', 'stall', 'babble'] as const;
export type Step = (typeof STEPS)[number];
export type Action = (typeof ACTIONS)[number];

function run(step: string, action: string): void {
  const channel = Channel.adopt(3);
  if (step === 'connected') return act(channel, undefined, action);
  const end = ServerEnd.accept(channel);
  if (step === 'hello') return act(channel, end, action);
  end.source();
  if (step === 'source') return act(channel, end, action);
  if (step === 'journal') {
    end.needJournal({ uuid: '01234567-89ab-cdef-0123-456789abcdef', deviceNumber: 0 });
    return act(channel, end, action);
  }
  end.mountPlan({
    blockSize: 4096, rootMode: 0o40755, readOnly: false, kernelOptions: [], fuseClones: 2, label: '', uuid: '', warnings: [],
  });
  act(channel, end, action);
}

function act(channel: Channel, end: ServerEnd | undefined, action: string): void {
  switch (action) {
    case 'killed':
      return process.abort();
    case 'exit':
      process.stderr.write('faulty-server: that was it\n');
      return process.exit(7);
    case 'refuse':
      // Before Hello there is no end that could refuse properly: that must be a named error as well.
      if (end === undefined) channel.close();
      else end.refuse({ code: 'IO', message: 'the disk has a hole', hint: 'buy another' });
      return;
    case 'stall':
      process.stderr.write('faulty-server: stalling\n');
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
      return;
    case 'babble':
      channel.send(Uint8Array.of(0xff, 0xff, 0xff, 0xff), [], 1000);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  }
}

if (process.argv[2] !== undefined && process.argv[1]?.includes('faulty-server')) run(process.argv[2], process.argv[3] ?? '');
