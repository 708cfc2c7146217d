/**
 * Makes kernel, API and records agree again: at start, now and then, and when something was left to be done later.
 *
 * Attachments that were being made or taken down when the agent ended are taken down; those whose pod's network is gone
 * too; routes of the others are put back when somebody has removed them.
 */
import { messageOf } from '../lib/errors.ts';
import { showPrefix } from '../lib/ip/text.ts';
import type { Ipam } from '../ipam/service.ts';
import { detach, podText, type AttachPorts } from './attach.ts';
import { aliasOfAttachment, keyOfAttachment, prefixesOf, type Attachment } from './endpoints/attachment.ts';
import { keyOfAlias } from './endpoints/names.ts';
import type { Operation } from './endpoints/operations.ts';

export interface RepairPorts extends AttachPorts {
  readonly ipam: Pick<Ipam, 'allocate' | 'release' | 'repair'>;
}

/** What a pass could not put right by itself. */
export interface RepairReport {
  /** Links with our mark of which there is no record: their containers may live, so they are left alone. */
  readonly strayLinks: readonly string[];
  /** Attachments that live without their link: somebody has deleted it, and only a new sandbox brings another. */
  readonly withoutLink: readonly Attachment[];
}

/** Rejects when something must be tried again soon. */
export async function repair(ports: RepairPorts): Promise<RepairReport> {
  const failures: string[] = [];
  for (const attachment of ports.registry.all) {
    if (attachment.state === 'attached' && !isDead(ports, attachment)) continue;
    const failure = await ports.registry.turn(attachment.hostInterface, () => takeDown(ports, attachment));
    if (failure !== undefined) failures.push(`${podText(attachment)}: ${failure}`);
  }
  try {
    repairRoutes(ports);
  } catch (error) {
    failures.push(messageOf(error));
  }
  await ports.ipam.repair();
  if (failures.length > 0) throw new Error(failures.join('; '));
  const links = new Map(ports.kernel.podLinks().flatMap((l) => { const key = keyOfAlias(l.alias); return key === undefined ? [] : [[key, l.name]]; }));
  const known = new Set(ports.registry.all.map(keyOfAttachment));
  return {
    strayLinks: [...links].filter(([key]) => !known.has(key)).map(([, name]) => name),
    withoutLink: ports.registry.all.filter((a) => a.kind === 'link' && a.state === 'attached' && !links.has(keyOfAttachment(a))),
  };
}

/** An ADD or DEL of this process may have come first: then there is nothing to do. */
async function takeDown(ports: RepairPorts, attachment: Attachment): Promise<string | undefined> {
  if (ports.registry.find(keyOfAttachment(attachment)) !== attachment) return undefined;
  ports.log.info('repair.taken-down', { pod: podText(attachment), container: attachment.containerId, state: attachment.state });
  const { linkGone, failure } = await detach(ports, attachment);
  await linkGone;
  return failure === undefined ? undefined : messageOf(failure);
}

/** Neither its link nor its namespace is there: the container ended without a DEL, by a reboot for example. */
function isDead(ports: RepairPorts, a: Attachment): boolean {
  if (a.kind !== 'link' || ports.kernel.podLink(a.hostInterface)?.alias === aliasOfAttachment(a)) return false;
  const inode = ports.kernel.netnsInode(a.netns);
  return inode === 0 || inode !== a.netnsInode;
}

/** In one turn of the event loop: what is being attached or taken down beside this is left out. */
export function repairRoutes(ports: Pick<RepairPorts, 'kernel' | 'registry' | 'log'>): void {
  const links = new Map(ports.kernel.podLinks().map((l) => [l.name, keyOfAlias(l.alias)]));
  const standing = ports.registry.all.filter((a) => a.kind === 'link' && a.state === 'attached' && links.get(a.hostInterface) === keyOfAttachment(a));
  const actual = new Map(ports.kernel.podRoutes().map((r) => [r.prefix, r.link]));
  const operations: Operation[] = [];
  for (const a of standing) {
    for (const prefix of prefixesOf(a)) {
      if (actual.get(prefix) !== a.hostInterface) operations.push({ type: 'hostRoute', link: a.hostInterface, prefix });
    }
    for (const [prefix, link] of actual) {
      if (link === a.hostInterface && !prefixesOf(a).includes(prefix)) operations.push({ type: 'removeHostRoute', prefix });
    }
  }
  if (operations.length === 0) return;
  ports.log.warn('repair.routes', { changed: operations.map((o) => `${o.type} ${'prefix' in o ? showPrefix(o.prefix) : ''}`) });
  ports.kernel.apply(operations);
}
