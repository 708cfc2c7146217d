/** The API server in the control machine, reached by nodes over the switch and by this host through one forwarded port. */
import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { OperationError } from '../lib/errors.ts';
import type { KubeClient, KubeObject, Resource } from '../sys/kube/client.ts';
import { Daemon } from './daemon.ts';
import { CRD_DIRECTORY, tortie } from './installation.ts';
import { Machine } from './machine.ts';
import { CRDS, NAMESPACES, clusterObjects } from './objects.ts';
import { API_PORT, hostKubeconfig } from './plan.ts';
import { pause } from './process.ts';
import type { Leg, MachinePlan, Topology } from './topology.ts';

const READY_WITHIN_MS = 30_000;
/** What is listed before the cluster's objects are created; `default` comes with the server. */
const SYSTEM_NAMESPACE = 'kube-system';

export class ControlPlane {
  readonly machine: Machine;
  readonly apiserver: Daemon;
  readonly #lab: string;
  readonly #plan: MachinePlan;
  #forward: Server | undefined;

  constructor(lab: string, plan: MachinePlan, options: { readonly source: boolean }) {
    this.#lab = lab;
    this.#plan = plan;
    this.machine = new Machine(lab, plan.name, { disks: false });
    const hosts = plan.legs.flatMap(hostsOf);
    this.apiserver = new Daemon(this.machine, 'apiserver', [...tortie(options.source), 'apiserver',
      '--data', '/run/lab/data', ...hosts.flatMap((host) => ['--listen', `${host}:${API_PORT}`]), '--listen', 'unix:/run/lab/api.sock',
      '--san', '127.0.0.1', ...hosts.flatMap((host) => ['--san', host.replace(/^\[|\]$/g, '')]),
      '--kubeconfig', '/run/lab/kubeconfig', '--server-url', serverUrl(plan.legs[0]!)]);
  }

  /** The kubeconfig that machines use that have their first leg in a segment, as text. */
  kubeconfigFor({ legs }: MachinePlan): string {
    const leg = this.#plan.legs.find((l) => l.segment === legs[0]?.segment) ?? this.#plan.legs[0]!;
    return this.#withServer(serverUrl(leg));
  }

  #withServer(url: string): string {
    return readFileSync(this.#shared('kubeconfig'), 'utf8').replaceAll(serverUrl(this.#plan.legs[0]!), url);
  }

  /** After the switch has given the machine its `eth0`. Resolves when the server is ready; gives the host's port. */
  async start(port: number): Promise<number> {
    await this.machine.boot();
    await this.apiserver.start();
    await this.#untilReady();
    const chosen = await this.#listenOnHost(port);
    writeFileSync(hostKubeconfig(this.#lab), this.#withServer(`https://127.0.0.1:${chosen}`), { mode: 0o600 });
    return chosen;
  }

  stop(): void { this.#forward?.close(); }

  #shared(name: string): string { return join(this.machine.directory, 'shared', name); }

  async #untilReady(): Promise<void> {
    const end = Date.now() + READY_WITHIN_MS;
    for (;;) {
      if (await connects(this.#shared('api.sock'))) return;
      if (Date.now() > end) {
        throw new OperationError('LAB_APISERVER', { waitedMs: READY_WITHIN_MS, log: join(this.machine.directory, 'log/apiserver.log') });
      }
      await pause(50);
    }
  }

  /** The only thing a lab adds to this host's network: a listener on the loopback address. */
  #listenOnHost(port: number): Promise<number> {
    const server = createServer((socket) => { join2(socket, createConnection(this.#shared('api.sock'))); });
    this.#forward = server;
    return new Promise((resolve, reject) => {
      server.once('error', (error) => { reject(new OperationError('LAB_PORT', { address: '127.0.0.1', port }, error)); });
      server.listen(port, '127.0.0.1', () => { resolve((server.address() as AddressInfo).port); });
    });
  }
}

/** As they stand in URLs. */
const hostsOf = ({ address4, address6 }: Leg): string[] =>
  [...(address4 === undefined ? [] : [address4]), ...(address6 === undefined ? [] : [`[${address6}]`])];

const serverUrl = (leg: Leg): string => `https://${hostsOf(leg)[0]}:${API_PORT}`;

function join2(a: Socket, b: Socket): void {
  for (const [from, to] of [[a, b], [b, a]] as const) {
    from.on('error', () => { to.destroy(); });
    from.on('close', () => { to.destroy(); });
    from.pipe(to);
  }
}

function connects(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    socket.once('connect', () => { socket.destroy(); resolve(true); });
    socket.once('error', () => { resolve(false); });
  });
}

/** The kinds, then the objects a fresh cluster starts with. Safe to repeat: what exists is left as it is. */
export async function installCluster(client: KubeClient, topology: Topology): Promise<void> {
  const crds = readCrds();
  await Promise.all(crds.map((crd) => client.create(CRDS, crd)));
  for (const crd of crds) await untilServed(client, crd);
  await client.create(NAMESPACES, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: SYSTEM_NAMESPACE } });
  for (const { resource, object } of clusterObjects(topology)) await client.create(resource, object);
}

interface Crd extends KubeObject {
  readonly spec: { readonly group: string; readonly names: { readonly plural: string }; readonly scope: string; readonly versions: readonly { readonly name: string }[] };
}

/** The native group's kinds; `crd.projectcalico.org` is for clusters that have it already. */
function readCrds(): Crd[] {
  return yamlFiles(CRD_DIRECTORY).flatMap((path) => parseAllDocuments(readFileSync(path, 'utf8')))
    .map((document) => document.toJS() as Crd | null)
    .filter((crd): crd is Crd => crd?.kind === 'CustomResourceDefinition' && crd.spec.group === 'projectcalico.org');
}

function yamlFiles(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true, recursive: true })
    .filter((e) => e.isFile() && /\.ya?ml$/.test(e.name)).map((e) => join(e.parentPath, e.name)).sort();
}

async function untilServed(client: KubeClient, crd: Crd): Promise<void> {
  const resource: Resource = {
    group: crd.spec.group, version: crd.spec.versions[0]!.name, plural: crd.spec.names.plural, namespaced: crd.spec.scope === 'Namespaced',
  };
  const end = Date.now() + READY_WITHIN_MS;
  for (;;) {
    try {
      await client.list(resource);
      return;
    } catch (error) {
      if (Date.now() > end) throw new OperationError('LAB_CRD', { crd: crd.metadata.name }, error);
      await pause(50);
    }
  }
}
