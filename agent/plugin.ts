/** Answers the CNI commands: ADD, DEL, CHECK, GC and STATUS. */
import { readConfiguration, versionFor, type NetworkConfiguration } from '../cni/protocol/configuration.ts';
import { readInvocation, type AttachmentReference } from '../cni/protocol/environment.ts';
import { CNI_CODE, CniError, renderError } from '../cni/protocol/errors.ts';
import type { ShimRequest } from '../cni/protocol/frames.ts';
import { renderResult } from '../cni/protocol/results.ts';
import { OperationError, messageOf } from '../lib/errors.ts';
import { handleIdOf, handleNameOf } from '../ipam/blocks/names.ts';
import { attach, detach, podText, type AttachIntent, type AttachPorts } from './attach.ts';
import { differences } from './check.ts';
import { aliasOfAttachment, keyOfAttachment, type Attachment } from './endpoints/attachment.ts';
import { hostInterfaceOf, keyOf, podMacOf } from './endpoints/names.ts';
import { resultOf } from './endpoints/result.ts';

export interface PluginPorts extends AttachPorts {
  /** Empty, or why nothing can be attached now: `the cluster is not in sync`. */
  readonly gate: () => string;
  /** MTU of links whose configuration names none; 0: the kernel's default. */
  readonly mtu: () => number;
  /** Something was left to be done later. */
  readonly onLeftover: () => void;
}

/** What the shim prints, and its exit status. */
export interface PluginAnswer { readonly status: number; readonly output: string; readonly command: string; readonly code: number }

const OK = { status: 0, code: 0 } as const;

export class Plugin {
  readonly #ports: PluginPorts;

  constructor(ports: PluginPorts) { this.#ports = ports; }

  /** Never rejects: whatever goes wrong is an answer. */
  async answer(request: ShimRequest): Promise<PluginAnswer> {
    const command = request.environment.get('CNI_COMMAND') ?? '';
    try {
      return { ...OK, command, output: await this.#carryOut(request) };
    } catch (error) {
      const told = error instanceof CniError ? error : cniErrorFor(error);
      this.#ports.log.warn('cni.error', { command, container: request.environment.get('CNI_CONTAINERID'), code: told.code, said: told.message, details: told.details });
      return { status: 1, code: told.code, command, output: renderError(told, versionFor(request.input)) };
    }
  }

  async #carryOut(request: ShimRequest): Promise<string> {
    const invocation = readInvocation(request.environment);
    const configuration = readConfiguration(request.input);
    if (configuration.unknown.length > 0) this.#ports.log.debug('cni.unknown-fields', { fields: configuration.unknown });
    const gate = this.#ports.gate();
    if (gate !== '') {
      if (invocation.command === 'STATUS') throw new CniError(CNI_CODE.notAvailable, `not ready: ${gate}`);
      throw new CniError(CNI_CODE.tryAgainLater, `not ready: ${gate}: try again later`);
    }
    if (!('attachment' in invocation)) return invocation.command === 'GC' ? await this.#collect(configuration) : '';
    const kind = request.program === 'tortie-ipam' ? 'address' : 'link';
    const want = intentOf(invocation.attachment, configuration, kind, this.#ports.mtu());
    return await this.#ports.registry.turn(want.hostInterface, () => {
      switch (invocation.command) {
        case 'ADD': return this.#add(want, configuration);
        case 'DEL': return this.#delete(want);
        case 'CHECK': return this.#check(want, configuration);
      }
    });
  }

  async #add(want: AttachIntent, configuration: NetworkConfiguration): Promise<string> {
    this.#refuse(want, configuration);
    const known = this.#ports.registry.find(keyOf(want.containerId, want.interfaceName));
    if (known !== undefined && !this.#stands(known, want)) await this.#makeRoom(known, want);
    const attachment = known !== undefined && this.#stands(known, want) ? known : await attach(this.#ports, want, configuration.ipam).catch((error: unknown) => {
      this.#ports.onLeftover();
      throw error;
    });
    this.#ports.log.info('cni.attached', { pod: podText(attachment), container: attachment.containerId, link: attachment.hostInterface });
    return renderResult(resultOf(attachment, configuration.dns), configuration.cniVersion);
  }

  #refuse(want: AttachIntent, configuration: NetworkConfiguration): void {
    const { registry, node } = this.#ports;
    if (configuration.nodename !== '' && configuration.nodename !== node) {
      throw new CniError(CNI_CODE.badConfiguration, `nodename: ${JSON.stringify(configuration.nodename)} is not this node: expected ${JSON.stringify(node)}`);
    }
    if (configuration.previous !== undefined && want.kind === 'link') {
      throw new CniError(CNI_CODE.badConfiguration, 'prevResult: another plugin has made an interface already: expected tortie to be the first of its list');
    }
    if (handleNameOf(want.handle) === undefined) {
      throw new CniError(CNI_CODE.badEnvironment, `CNI_CONTAINERID: ${JSON.stringify(want.containerId)} cannot be part of an API object's name: expected letters, digits, "." and "-"`);
    }
    const other = registry.all.find((a) => a.handle === want.handle && a.interfaceName !== want.interfaceName);
    if (other !== undefined) {
      throw new CniError(CNI_CODE.unsupportedField, `CNI_IFNAME: ${want.interfaceName} would be a second interface of this container in network ${want.network}: it has ${other.interfaceName}`);
    }
  }

  /** True for what an earlier ADD of the same container has made and is still there: its answer may not have arrived. */
  #stands(known: Attachment, want: AttachIntent): boolean {
    if (known.state !== 'attached' || known.kind !== want.kind || known.network !== want.network) return false;
    if (known.kind === 'address') return true;
    const link = this.#ports.kernel.podLink(known.hostInterface);
    return link?.alias === aliasOfAttachment(known) && this.#ports.kernel.netnsInode(want.netns) === known.netnsInode;
  }

  /** What stands is left alone when what is asked for cannot be. */
  async #makeRoom(known: Attachment, want: AttachIntent): Promise<void> {
    using _netns = want.kind === 'link' ? this.#ports.kernel.openNetns(want.netns) : undefined;
    await this.#takeDown(known);
  }

  async #takeDown(known: Attachment): Promise<void> {
    const { linkGone, failure } = await detach(this.#ports, known);
    await linkGone;
    if (failure !== undefined) throw failure;
  }

  /** What we do not know is taken down as far as it can be found: another agent, or Calico, may have attached it. */
  async #delete(want: AttachIntent): Promise<string> {
    const { registry, kernel, log } = this.#ports;
    const known = registry.find(keyOf(want.containerId, want.interfaceName));
    if (known === undefined && want.kind === 'link' && !this.#isOthers(want)) kernel.deletePodLink(want.netns, want.interfaceName);
    const attachment = known ?? { ...want, state: 'deleting', netnsInode: 0, addresses: [], blockLengths: [], sinceMs: this.#ports.clock.wallTime() };
    const { failure } = await detach(this.#ports, attachment);
    if (failure !== undefined) {
      log.warn('cni.release-later', { container: want.containerId, reason: messageOf(failure) });
      this.#ports.onLeftover();
    }
    log.info('cni.detached', { pod: podText(attachment), container: want.containerId, known: known !== undefined });
    return '';
  }

  /** Another container of ours has that interface by now: a late DEL may name a path that was given away again. */
  #isOthers({ netns, interfaceName }: AttachIntent): boolean {
    const inode = this.#ports.kernel.netnsInode(netns);
    return inode !== 0 && this.#ports.registry.all.some((a) => a.netnsInode === inode && a.interfaceName === interfaceName);
  }

  #check(want: AttachIntent, configuration: NetworkConfiguration): Promise<string> {
    const known = this.#ports.registry.find(keyOf(want.containerId, want.interfaceName));
    if (known?.state !== 'attached') throw new CniError(CNI_CODE.unknownContainer, `container ${want.containerId} has no interface ${want.interfaceName} of ours`);
    const found = differences(this.#ports.kernel, known, want.netns, configuration.previous);
    if (found.length > 0) throw new CniError(CNI_CODE.differs, found[0]!, found.slice(1).join('; '));
    return Promise.resolve('');
  }

  async #collect(configuration: NetworkConfiguration): Promise<string> {
    if (configuration.validAttachments === undefined) {
      throw new CniError(CNI_CODE.badConfiguration, 'cni.dev/valid-attachments: is missing: expected the list of attachments the runtime has');
    }
    const valid = new Set(configuration.validAttachments.map((v) => keyOf(v.containerId, v.interfaceName)));
    const stale = this.#ports.registry.all.filter((a) => a.network === configuration.name && !valid.has(keyOfAttachment(a)));
    for (const a of stale) {
      this.#ports.log.info('cni.collected', { pod: podText(a), container: a.containerId });
      await this.#ports.registry.turn(a.hostInterface, async () => { if (this.#ports.registry.find(keyOfAttachment(a)) === a) await this.#takeDown(a); });
    }
    return '';
  }
}

function intentOf(reference: AttachmentReference, configuration: NetworkConfiguration, kind: Attachment['kind'], mtu: number): AttachIntent {
  const { containerId, interfaceName, netns, pod } = reference;
  return {
    kind, network: configuration.name, containerId, interfaceName, netns, pod,
    handle: handleIdOf(configuration.name, containerId),
    hostInterface: hostInterfaceOf(pod, containerId),
    podMac: podMacOf(keyOf(containerId, interfaceName)),
    mtu: configuration.mtu === 0 ? mtu : configuration.mtu,
    families: configuration.ipam.families,
    allowIpForwarding: configuration.allowIpForwarding,
  };
}

/** Codes of failures that pass by themselves. */
const PASSING = ['KUBE_UNREACHABLE', 'KUBE_TIMEOUT', 'IPAM_CONTENTION'];

function cniErrorFor(error: unknown): CniError {
  const code = error instanceof OperationError ? error.code : '';
  if (code === 'NETNS_OPEN' || code === 'NETNS_KIND') return new CniError(CNI_CODE.badEnvironment, `CNI_NETNS: ${messageOf(error)}`, '', error);
  return new CniError(PASSING.includes(code) ? CNI_CODE.tryAgainLater : CNI_CODE.failed, messageOf(error), '', error);
}
