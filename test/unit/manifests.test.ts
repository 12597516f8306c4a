/** deploy/kubernetes: valid, as tight as the restricted pod security standard, and consistent in itself. */
import type { DaemonSet } from 'kubernetes-models/apps/v1';
import type { IContainer, IPodSpec, Pod } from 'kubernetes-models/v1';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { parse } from 'yaml';
import { projectRoot } from '../support/native.js';
import { readManifests, validated } from '../support/manifests.js';

const node = readManifests('kubernetes/node.yaml');
const workload = readManifests('kubernetes/workload.yaml');
const isPod = (object: { kind: string }): object is Pod => object.kind === 'Pod';
const isDaemonSet = (object: { kind: string }): object is DaemonSet => object.kind === 'DaemonSet';
const allContainers = ({ initContainers = [], containers }: IPodSpec): IContainer[] => [...initContainers, ...containers];

t.test('the check finds what kubectl would refuse', async (t) => {
  const pod = (spec: string): unknown => parse(`{ kind: Pod, apiVersion: v1, metadata: { name: a }, spec: ${spec} }`);
  t.doesNotThrow(() => validated(pod('{ containers: [{ name: a, image: b }] }')));
  t.throws(() => validated(pod('{ containers: [{ image: b }] }')), /name/);
  t.throws(() => validated(pod('{ containers: [{ name: a, image: b }], hostPID: often }')), /boolean/);
  t.throws(() => validated(pod('{ containers: [{ name: a, image: b, volumeMount: [] }] }')), /fields that Kubernetes does not know: .*volumeMount/);
  t.throws(() => validated(pod('{ containers: [{ name: a, securityContext: { priviledged: true } }] }')), /priviledged/);
});

t.test('the workload keeps the restricted pod security standard', async (t) => {
  const [pod] = workload.filter(isPod);
  const spec = pod?.spec;
  if (spec === undefined) throw new Error('no pod');
  t.equal(spec.securityContext?.runAsNonRoot, true);
  t.not(spec.securityContext?.runAsUser, 0);
  t.equal(spec.securityContext?.seccompProfile?.type, 'RuntimeDefault');
  t.equal(spec.automountServiceAccountToken, false, 'beyond the standard: no way to the API server');
  for (const forbidden of ['hostNetwork', 'hostPID', 'hostIPC'] as const) t.not(spec[forbidden], true, forbidden);
  for (const { name, emptyDir, downwardAPI, persistentVolumeClaim } of spec.volumes ?? []) t.ok(emptyDir ?? downwardAPI ?? persistentVolumeClaim, `${name} is a volume that restricted pods may have`);
  for (const { name, securityContext, volumeMounts = [], resources, ports = [] } of allContainers(spec)) {
    t.equal(securityContext?.allowPrivilegeEscalation, false, `${name}: no setuid`);
    t.same(securityContext?.capabilities, { drop: ['ALL'] }, `${name}: no capabilities`);
    t.not(securityContext?.privileged, true, `${name}: not privileged`);
    t.equal(securityContext?.readOnlyRootFilesystem, true, `${name}: beyond the standard, a root that cannot be written to`);
    t.ok(resources?.limits?.['memory'], `${name}: a limit of memory`);
    t.same(ports, [], `${name}: no ports`);
    for (const { mountPropagation } of volumeMounts) t.not(mountPropagation, 'Bidirectional', `${name}: nothing that it mounts is seen outside`);
  }
});

t.test('the server is a native sidecar that has its socket and nothing else', async (t) => {
  const [pod] = workload.filter(isPod);
  const server = pod?.spec?.initContainers?.find(({ name }) => name === 'server');
  t.equal(server?.restartPolicy, 'Always');
  t.same(server?.volumeMounts?.map(({ name }) => name), ['fuse4fs']);
  const [application] = pod?.spec?.containers ?? [];
  t.equal(application?.volumeMounts?.find(({ name }) => name === 'data')?.mountPropagation, 'HostToContainer');
  t.notOk(application?.volumeMounts?.some(({ name }) => name === 'fuse4fs'), 'the application cannot reach the socket');
});

t.test('every volume that is mounted is there, and every volume is mounted', async (t) => {
  const specs = [...workload.filter(isPod).map(({ spec }) => spec), ...node.filter(isDaemonSet).map(({ spec }) => spec?.template.spec)];
  for (const spec of specs) {
    if (spec === undefined) throw new Error('no specification');
    const declared = (spec.volumes ?? []).map(({ name }) => name).sort();
    const used = [...new Set(allContainers(spec).flatMap(({ volumeMounts = [] }) => volumeMounts.map(({ name }) => name)))].sort();
    t.same(used, declared);
  }
});

t.test('one container is privileged, and it cannot be talked to', async (t) => {
  const spec = node.find(isDaemonSet)?.spec?.template.spec;
  if (spec === undefined) throw new Error('no DaemonSet');
  t.same(allContainers(spec).filter(({ securityContext }) => securityContext?.privileged).map(({ name }) => name), ['helper']);
  t.equal(spec.containers.length, 1);
  t.equal(spec.automountServiceAccountToken, false);
  t.not(spec.hostNetwork, true);
  t.not(spec.hostPID, true);
});

t.test('what podman plays is a valid pod, its containers as restricted', async (t) => {
  const [pod] = readManifests('podman/pod.yaml').filter(isPod);
  const containers = pod?.spec === undefined ? [] : allContainers(pod.spec);
  t.same(containers.map(({ name }) => name), ['server', 'application']);
  for (const { name, securityContext } of containers) {
    t.match(securityContext, { allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, runAsNonRoot: true, capabilities: { drop: ['ALL'] } }, name);
  }
});

/** podman-systemd.unit(5) */
const QUADLET_KEYS = ['Image', 'Exec', 'User', 'Group', 'ReadOnly', 'DropCapability', 'NoNewPrivileges', 'Network', 'PodmanArgs', 'Volume'];

t.test('the quadlet has the server as tight as the pods do', async (t) => {
  const file = (name: string): string => readFileSync(join(projectRoot, name), 'utf8');
  const [, container = ''] = /^\[Container\]\n(.*?)^\[/msu.exec(file('deploy/podman/disk.container')) ?? [];
  const keys = new Map(container.split('\n').flatMap((line) => (/^\w+=/u.test(line) ? [[line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)] as const] : [])));
  t.same([...keys.keys()].sort(), [...QUADLET_KEYS].sort());
  t.match(Object.fromEntries(keys), { ReadOnly: 'true', DropCapability: 'all', NoNewPrivileges: 'true', Network: 'none' });
  const containerfile = file('Containerfile');
  t.ok(containerfile.includes(`USER ${keys.get('User')}:${keys.get('Group')}\n`), 'the user of the image');
  t.ok(containerfile.includes(`CMD ["${keys.get('Exec')}"]`), 'and its socket');
});
