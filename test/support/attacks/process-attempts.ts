import type { Attempt } from './attempts.js';
import { systemCall } from './system-calls.js';

const SIGCHLD = 17;
const SIGKILL = 9;
const CLONE_VM = 0x100;
const CLONE_VFORK = 0x4000;
const CLONE_NEWUSER = 0x10000000;
const CLONE_NEWNS = 0x20000;
const CLONE_NEWNET = 0x40000000;
const CLONE_NEWPID = 0x20000000;
const CLONE_FOR_THREADS = 0x10f00;
const PTRACE_TRACEME = 0;
const PTRACE_SEIZE = 0x4206;
const PR_SET_PDEATHSIG = 1;
const PR_SET_DUMPABLE = 4;
const PR_SET_KEEPCAPS = 8;
const PR_SET_SECCOMP = 22;
const PR_CAPBSET_DROP = 24;
const PR_SET_TSC = 26;
const PR_SET_SECUREBITS = 28;
const PR_SET_MM = 35;
const PR_SET_CHILD_SUBREAPER = 36;
const PR_CAP_AMBIENT = 47;
const PR_SET_PTRACER = 0x59616d61;
const RLIMIT_CORE = 4;
const RLIMIT_NOFILE = 7;

const words = (...values: number[]): Uint8Array => new Uint8Array(new BigUint64Array(values.map((value) => BigInt(value))).buffer);
/** In its own process: what is meant is its memory, its descriptors, or itself. */
const call = (name: string, ...parameters: (number | string | Uint8Array)[]): Attempt => ({ name, act: () => systemCall(name, ...parameters) });
/** The first of the others that gives in, else how the last one resisted. */
const onAnother = (name: string, act: (pid: number) => number): Attempt => ({
  name,
  act: ({ others }) => {
    let result = -1;
    for (const pid of others) if ((result = act(pid)) >= 0) return result;
    return result;
  },
});
const prctl = (name: string, option: number, ...parameters: number[]): Attempt => ({ name: `prctl ${name}`, act: () => systemCall('prctl', option, ...parameters) });

/** Only those that the filter lets through as calls may be stopped by what is behind it. */
export const processAttempts: readonly Attempt[] = [
  { name: 'fork', act: () => systemCall('fork'), deniedBy: ['EPERM', 'ENOSYS'] },
  { name: 'vfork', act: () => systemCall('vfork'), deniedBy: ['EPERM', 'ENOSYS'] },
  call('clone', SIGCHLD, 0, 0, 0, 0),
  { name: 'clone as vfork', act: () => systemCall('clone', CLONE_VM | CLONE_VFORK | SIGCHLD, 0, 0, 0, 0) },
  { name: 'clone into a user namespace', act: () => systemCall('clone', CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0) },
  { name: 'clone a thread into another network', act: () => systemCall('clone', CLONE_FOR_THREADS | CLONE_NEWNET, 0, 0, 0, 0) },
  { name: 'clone a thread', act: () => systemCall('clone', CLONE_FOR_THREADS, 0, 0, 0, 0) },
  { name: 'clone3', act: () => systemCall('clone3', new Uint8Array(88), 88), deniedBy: ['ENOSYS', 'EPERM'] },
  call('execve', '/node', 0, 0),
  { name: 'execve of a shell', act: () => systemCall('execve', '/bin/sh', 0, 0) },
  { name: 'execveat of the device', act: ({ device }) => systemCall('execveat', device, '', 0, 0, 0x1000) },
  call('wait4', -1, 0, 1, 0),
  { name: 'be traced', act: () => systemCall('ptrace', PTRACE_TRACEME, 0, 0, 0) },
  onAnother('ptrace another', (pid) => systemCall('ptrace', PTRACE_SEIZE, pid, 0, 0)),
  onAnother('process_vm_readv', (pid) => systemCall('process_vm_readv', pid, new Uint8Array(16), 1, new Uint8Array(16), 1, 0)),
  onAnother('process_vm_writev', (pid) => systemCall('process_vm_writev', pid, new Uint8Array(16), 1, new Uint8Array(16), 1, 0)),
  onAnother('kill', (pid) => systemCall('kill', pid, SIGKILL)),
  { name: 'kill everyone', act: () => systemCall('kill', -1, 0) },
  onAnother('tkill', (pid) => systemCall('tkill', pid, 0)),
  onAnother('tgkill', (pid) => systemCall('tgkill', pid, pid, 0)),
  onAnother('rt_sigqueueinfo', (pid) => systemCall('rt_sigqueueinfo', pid, 0, new Uint8Array(128))),
  onAnother('rt_tgsigqueueinfo', (pid) => systemCall('rt_tgsigqueueinfo', pid, pid, 0, new Uint8Array(128))),
  onAnother('pidfd_open', (pid) => systemCall('pidfd_open', pid, 0)),
  call('pidfd_getfd', 0, 0, 0),
  call('pidfd_send_signal', 0, 0, 0, 0),
  onAnother('kcmp', (pid) => systemCall('kcmp', pid, pid, 0, 0, 0)),
  call('process_madvise', 0, 0, 0, 0, 0),
  onAnother('limits of another', (pid) => systemCall('prlimit64', pid, RLIMIT_NOFILE, 0, new Uint8Array(16))),
  { name: 'raise the limit of descriptors', act: () => systemCall('prlimit64', 0, RLIMIT_NOFILE, words(1 << 20, 1 << 20), 0) },
  { name: 'raise the limit of core dumps', act: () => systemCall('prlimit64', 0, RLIMIT_CORE, words(1 << 30, 1 << 30), 0) },
  onAnother('sched_setaffinity', (pid) => systemCall('sched_setaffinity', pid, 8, new Uint8Array(8).fill(255))),
  call('sched_setscheduler', 0, 1, new Uint8Array(4)),
  call('setpriority', 0, 0, -20),
  call('ioprio_set', 1, 0, 1 << 13),
  call('setsid'),
  call('setpgid', 0, 0),
  call('unshare', CLONE_NEWUSER),
  { name: 'unshare mounts', act: () => systemCall('unshare', CLONE_NEWNS) },
  { name: 'unshare processes', act: () => systemCall('unshare', CLONE_NEWPID) },
  { name: 'setns', act: ({ device }) => systemCall('setns', device, 0) },
  call('setuid', 0),
  call('setgid', 0),
  call('setresuid', 0, 0, 0),
  call('setresgid', 0, 0, 0),
  call('setfsuid', 0),
  call('setgroups', 0, 0),
  call('capset', new Uint8Array([0x22, 0x05, 0x08, 0x20, 0, 0, 0, 0]), new Uint8Array(24).fill(255)),
  prctl('dumpable', PR_SET_DUMPABLE, 1),
  prctl('death signal', PR_SET_PDEATHSIG, 0),
  prctl('keep capabilities', PR_SET_KEEPCAPS, 1),
  prctl('seccomp', PR_SET_SECCOMP, 1),
  prctl('bounding set', PR_CAPBSET_DROP, 0),
  prctl('time stamp counter', PR_SET_TSC, 1),
  prctl('securebits', PR_SET_SECUREBITS, 0),
  prctl('memory map', PR_SET_MM, 8, 0),
  prctl('subreaper', PR_SET_CHILD_SUBREAPER, 1),
  prctl('ambient capability', PR_CAP_AMBIENT, 2, 21),
  prctl('tracer', PR_SET_PTRACER, -1),
  call('seccomp', 1, 0, 0),
  call('personality', 0x0040000),
  { name: 'arch_prctl', act: () => systemCall('arch_prctl', 0x1011, 0), deniedBy: ['EPERM', 'ENOSYS'] },
];
