/** What a kubelet does with a pod, as far as our manifests need it: directories, containers, their order. */
import { join } from 'node:path';
import type { IContainer, IPod, ISecurityContext, IVolume, IVolumeMount } from 'kubernetes-models/v1';
import type { Output } from './command.js';
import { FRUGAL, type Podman } from './podman.js';

export interface PodToRun {
  readonly uid: string;
  readonly manifest: IPod;
  /** Directories for its persistent volumes: they are bound as a CSI driver's would be. */
  readonly claims: Readonly<Record<string, string>>;
}

type Propagation = NonNullable<IVolumeMount['mountPropagation']>;
const PROPAGATION: Readonly<Record<Propagation, string>> = { None: 'rprivate', HostToContainer: 'rslave', Bidirectional: 'rshared' };

export class Kubelet {
  readonly #podman: Podman;
  /** /var/lib/kubelet/pods */
  readonly pods: string;

  constructor(podman: Podman) {
    this.#podman = podman;
    this.pods = join(podman.shared, 'pods');
  }

  /** Sets up the pod's volumes, and starts its containers one after the other: a sidecar runs on, an init container ends first. */
  async start({ uid, manifest, claims }: PodToRun): Promise<void> {
    await this.#makeVolumes(uid, manifest, claims);
    for (const container of manifest.spec?.initContainers ?? []) {
      const isSidecar = container.restartPolicy === 'Always';
      await this.startContainer({ uid, manifest, claims }, container);
      if (isSidecar) continue;
      const name = nameOf(uid, container);
      const status = (await this.#podman.podman('wait', name)).trim();
      if (status !== '0') throw new Error(`${name}: status ${status}: ${(await this.#podman.tryPodman('logs', name)).stderr}`);
    }
    for (const container of manifest.spec?.containers ?? []) await this.startContainer({ uid, manifest, claims }, container);
  }

  /** One container of the pod; again, if it is not there any more. */
  async startContainer({ uid, manifest }: PodToRun, container: IContainer): Promise<void> {
    const { spec } = manifest;
    const volumes = new Map((spec?.volumes ?? []).map((volume) => [volume.name, volume]));
    const mounts = (container.volumeMounts ?? []).map((mount) => {
      const options = [PROPAGATION[(mount.mountPropagation ?? 'None') as Propagation], ...(mount.readOnly ? ['ro'] : [])];
      return `--volume=${this.#placeOf(uid, volumes.get(mount.name))}:${mount.mountPath}:${options.join(',')}`;
    });
    const user = spec?.securityContext?.runAsUser === undefined ? [] : [`--user=${spec.securityContext.runAsUser}:${spec.securityContext.runAsGroup ?? 0}`];
    const options = [`--name=${nameOf(uid, container)}`, ...FRUGAL, ...user, ...security(container.securityContext), ...mounts];
    await this.#podman.podman('run', '--detach', ...options, container.image ?? '', ...(container.args ?? []));
  }

  /** As at the end of a pod: its containers, then its sidecars, are told to stop and get so long to do it. */
  async stop({ uid, manifest }: PodToRun): Promise<void> {
    const patience = `--time=${manifest.spec?.terminationGracePeriodSeconds ?? 30}`;
    const sidecars = (manifest.spec?.initContainers ?? []).filter(({ restartPolicy }) => restartPolicy === 'Always');
    for (const container of manifest.spec?.containers ?? []) await this.#podman.podman('rm', '--force', '--time=0', nameOf(uid, container));
    for (const container of sidecars) await this.#podman.podman('stop', patience, nameOf(uid, container));
  }

  exec(uid: string, container: string, ...words: string[]): Promise<Output> {
    return this.#podman.tryPodman('exec', `${uid}-${container}`, ...words);
  }

  async #makeVolumes(uid: string, { metadata, spec }: IPod, claims: Readonly<Record<string, string>>): Promise<void> {
    const owner = `0:${spec?.securityContext?.fsGroup ?? 0}`;
    for (const volume of spec?.volumes ?? []) {
      const place = this.#placeOf(uid, volume);
      if (volume.hostPath !== undefined) continue;
      await this.#podman.run('mkdir', '--parents', place);
      if (volume.emptyDir !== undefined) await this.#podman.run('sh', '-euc', 'chown "$1" "$2" && chmod 2777 "$2"', 'make', owner, place);
      if (volume.persistentVolumeClaim !== undefined) await this.#podman.run('mount', '--bind', claims[volume.persistentVolumeClaim.claimName] ?? '', place);
      for (const { path, fieldRef } of volume.downwardAPI?.items ?? []) {
        const [, annotation = ''] = /^metadata\.annotations\['(.*)'\]$/u.exec(fieldRef?.fieldPath ?? '') ?? [];
        await this.#podman.run('sh', '-euc', 'printf %s "$1" > "$2"', 'write', metadata?.annotations?.[annotation] ?? '', join(place, path));
      }
    }
  }

  #placeOf(uid: string, volume: IVolume | undefined): string {
    const volumes = join(this.pods, uid, 'volumes');
    if (volume?.hostPath !== undefined) return volume.hostPath.path === '/var/lib/kubelet/pods' ? this.pods : volume.hostPath.path;
    if (volume?.emptyDir !== undefined) return join(volumes, 'kubernetes.io~empty-dir', volume.name);
    if (volume?.downwardAPI !== undefined) return join(volumes, 'kubernetes.io~downward-api', volume.name);
    if (volume?.persistentVolumeClaim !== undefined) return join(volumes, 'kubernetes.io~csi', `pv-${volume.name}`, 'mount');
    throw new Error(`a volume of a kind that is not known here: ${JSON.stringify(volume)}`);
  }
}

const nameOf = (uid: string, { name }: IContainer): string => `${uid}-${name}`;

function security(context: ISecurityContext = {}): string[] {
  return [
    ...(context.privileged ? ['--privileged'] : []),
    ...(context.readOnlyRootFilesystem ? ['--read-only', '--read-only-tmpfs=false'] : []),
    ...(context.allowPrivilegeEscalation === false ? ['--security-opt=no-new-privileges'] : []),
    ...(context.capabilities?.drop ?? []).map((name) => `--cap-drop=${name.toLowerCase()}`),
  ];
}
