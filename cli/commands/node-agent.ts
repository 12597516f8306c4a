import { Command } from 'commander';
import { realpathSync } from 'node:fs';
import { NodeAgent } from '../../helper/node/agent.js';
import { systemRuntime } from '../../helper/mount/runtime.js';
import { Output } from '../output.js';

export function nodeAgentCommand(): Command {
  return new Command('node-agent')
    .summary('mount for the pods of a Kubernetes node')
    .description('Mounts what pods ask for, with the servers that wait in them; runs until it is stopped, and leaves the mounts then.')
    .option('--pods <DIRECTORY>', 'where the kubelet keeps its pods', '/var/lib/kubelet/pods')
    .addHelpText('after', '\ndeploy/kubernetes/ has the DaemonSet that runs it and a pod that uses it, docs/containers.md explains them.')
    .action(async ({ pods }: { pods: string }) => {
      const output = new Output('fuse4fs', false);
      const { mounts = '' } = systemRuntime();
      const command = [process.execPath, process.argv[1] ?? ''] as const;
      const stop = new AbortController();
      for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => stop.abort());
      const agent = new NodeAgent({ pods: realpathSync(pods), mounts, command: [...command], say: (message) => output.note(message) });
      output.note(`looking for pods in ${pods}`);
      await agent.run(stop.signal);
    });
}
