/** The kernel as the agent's pods need it, in memory: links, routes, and every operation in order. */
import type { Ip, Prefix } from '../../lib/ip/prefix.ts';
import type { Operation } from '../../agent/endpoints/operations.ts';
import type { KernelPort, Netns, PodLink, PodLinkState, PodRoute } from '../../agent/ports.ts';
import { OperationError } from '../../lib/errors.ts';

export class FakePodKernel implements KernelPort {
  readonly operations: Operation[] = [];
  readonly links = new Map<string, PodLink>();
  readonly routes = new Map<Prefix, string>();
  /** On the node's ends of pod links. */
  addresses: { link: string; address: Ip }[] = [];
  /** Path → inode of namespaces that exist. */
  readonly namespaces = new Map<string, number>();
  /** Called before each operation: throw to refuse it. */
  before: (operation: Operation) => void = () => undefined;
  #index = 1;

  openNetns(path: string): Netns {
    const inode = this.namespaces.get(path);
    if (inode === undefined) throw new OperationError('NETNS_OPEN', { path });
    return { fd: inode, inode, [Symbol.dispose]: () => undefined };
  }

  /** What was deleted inside of namespaces. */
  readonly deletedInside: string[] = [];

  netnsInode(path: string): number { return this.namespaces.get(path) ?? 0; }

  apply(operations: readonly Operation[]): void {
    for (const o of operations) {
      this.before(o);
      this.operations.push(o);
      if (o.type === 'createPair') this.links.set(o.host, { index: this.#index++, name: o.host, alias: o.alias });
      if (o.type === 'hostRoute') this.routes.set(o.prefix, o.link);
      if (o.type === 'removeHostRoute') this.routes.delete(o.prefix);
      if (o.type === 'hostAddress') this.addresses.push({ link: o.link, address: o.address });
      if (o.type === 'removeHostAddress') this.addresses = this.addresses.filter((a) => a.link !== o.link || a.address !== o.address);
    }
  }

  hostAddresses(): { link: string; address: Ip }[] { return this.addresses; }
  podLinks(): PodLink[] { return [...this.links.values()]; }
  podLink(name: string): PodLink | undefined { return this.links.get(name); }

  podRoutes(link?: PodLink): PodRoute[] {
    return [...this.routes].map(([prefix, on]) => ({ prefix, link: on })).filter((r) => link === undefined || r.link === link.name);
  }

  deleteLink(name: string): void {
    this.links.delete(name);
    for (const [prefix, link] of this.routes) if (link === name) this.routes.delete(prefix);
  }

  removeLink(index: number): Promise<void> {
    const found = this.podLinks().find((l) => l.index === index);
    if (found) this.deleteLink(found.name);
    return Promise.resolve();
  }

  deletePodLink(netns: string, name: string): void { this.deletedInside.push(`${netns} ${name}`); }
  mtuOf(): number | undefined { return undefined; }
  inspectPod(): PodLinkState | undefined { return undefined; }
}
