/**
 * Attaches a container to the network, and takes it off again.
 *
 * What is asked of the API goes on beside what is done to the kernel. A record is on disk before the first write of
 * either, and until the last is undone: whenever this process ends, the next one finds what it must take down.
 */
import { CNI_CODE, CniError } from '../cni/protocol/errors.ts';
import type { IpamRequest } from '../cni/protocol/configuration.ts';
import type { Clock } from '../lib/clock.ts';
import { OperationError, messageOf } from '../lib/errors.ts';
import { lengthOf } from '../lib/ip/prefix.ts';
import type { Log } from '../lib/log.ts';
import { goTime } from '../ipam/blocks/names.ts';
import type { Given, Ipam } from '../ipam/service.ts';
import { macOf, requestOf } from './endpoints/annotations.ts';
import { aliasOfAttachment, keyOfAttachment, type Attachment } from './endpoints/attachment.ts';
import { addressPlan, linkPlan } from './endpoints/plan.ts';
import type { KernelPort, PodFacts, PodLink, PodsPort } from './ports.ts';
import type { Registry } from './registry.ts';

export interface AttachPorts {
  readonly registry: Registry;
  readonly kernel: KernelPort;
  readonly ipam: Pick<Ipam, 'allocate' | 'release'>;
  readonly pods: PodsPort;
  readonly clock: Clock;
  readonly log: Log;
  readonly node: string;
}

/** What is known of an attachment before anything has been done. */
export type AttachIntent = Omit<Attachment, 'state' | 'netnsInode' | 'addresses' | 'blockLengths' | 'sinceMs'>;

/** Others have written to the block in the same moment, so that the address became another one. Seldom. */
class AddressMoved extends Error {}
const ATTEMPTS = 5;

/** All or nothing: when it rejects, everything has been undone, or is recorded to be. Rejects with a CniError or an OperationError. */
export async function attach(ports: AttachPorts, want: AttachIntent, configured: IpamRequest): Promise<Attachment> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await attachOnce(ports, want, configured);
    } catch (error) {
      if (!(error instanceof AddressMoved) || attempt >= ATTEMPTS) throw error;
    }
  }
}

/**
 * ```
 *   API     pod and namespace ─► handle ─► blocks ────────┐
 *                                     └──► annotations ───┤
 *   kernel  link, settings ────────────► addresses, routes┴─► answer
 * ```
 */
async function attachOnce(ports: AttachPorts, want: AttachIntent, configured: IpamRequest): Promise<Attachment> {
  using netns = want.kind === 'link' ? ports.kernel.openNetns(want.netns) : undefined;
  let now: Attachment = { ...want, state: 'adding', netnsInode: netns?.inode ?? 0, addresses: [], blockLengths: [], sinceMs: ports.clock.wallTime() };
  ports.registry.put(now);
  const tentative = Promise.withResolvers<{ readonly value: Allocated }>();
  const allocating = settled(allocate(ports, now, configured, (value) => { tentative.resolve({ value }); }));
  let annotating: Settled<boolean> = Promise.resolve({ value: true });
  try {
    await onTheWire();
    if (netns !== undefined) {
      dropOldLink(ports, now);
      ports.kernel.apply(linkPlan(now), netns);
    }
    now = { ...now, ...valueOf(await Promise.race([tentative.promise, allocating])) };
    annotating = settled(ports.pods.annotate(now));
    await onTheWire();
    if (netns !== undefined) ports.kernel.apply(addressPlan(now), netns);
    const { addresses } = valueOf(await allocating);
    if (addresses.some((address, i) => address !== now.addresses[i])) throw new AddressMoved('the address went to somebody else');
    if (!valueOf(await annotating)) throw new CniError(CNI_CODE.failed, `pod ${podText(now)} has been deleted meanwhile`);
    now = { ...now, state: 'attached' };
    ports.registry.put(now);
    return now;
  } catch (error) {
    await Promise.all([allocating, annotating]);
    await undo(ports, now);
    throw error;
  }
}

type Allocated = Pick<Attachment, 'pod' | 'podMac' | 'addresses' | 'blockLengths'>;

async function allocate(ports: AttachPorts, a: Attachment, configured: IpamRequest, onTentative: (allocated: Allocated) => void): Promise<Allocated> {
  const facts = a.pod === undefined ? undefined : await factsOf(ports, a.pod);
  const request = requestOf(configured, facts?.annotations ?? {}, facts?.namespaceAnnotations ?? {});
  const timestamp = goTime(ports.clock.wallTime());
  const secondary = a.pod === undefined ? { node: ports.node, timestamp }
    : { namespace: a.pod.namespace, node: ports.node, pod: a.pod.name, timestamp };
  const podMac = macOf(facts?.annotations ?? {}) ?? a.podMac;
  const allocated = (given: readonly Given[]): Allocated => ({
    podMac, pod: a.pod && { ...a.pod, uid: facts?.uid ?? a.pod.uid },
    addresses: given.map((g) => g.address), blockLengths: given.map((g) => lengthOf(g.block)),
  });
  const result = await ports.ipam.allocate(
    { ...request, handle: a.handle, secondary, namespaceLabels: facts?.namespaceLabels ?? {} },
    (given) => { onTentative(allocated(given)); },
  );
  if (result.type === 'refused') throw new CniError(CNI_CODE.noAddress, result.reason);
  return allocated(result.addresses);
}

/** The runtime's UID, where it names one, must be the object's: a pod may have been replaced by another of its name. */
async function factsOf(ports: AttachPorts, pod: NonNullable<Attachment['pod']>): Promise<PodFacts> {
  const facts = await ports.pods.read(pod);
  if (facts === undefined) throw new CniError(CNI_CODE.failed, `pod ${pod.namespace}/${pod.name} does not exist`);
  if (pod.uid !== '' && facts.uid !== pod.uid) {
    throw new CniError(CNI_CODE.failed, `pod ${pod.namespace}/${pod.name} is another one by now`, `UID ${facts.uid}: expected ${pod.uid}`);
  }
  return facts;
}

/** A link of this name is what an earlier sandbox of the same pod has left: its container is dead, or there would be no new one. */
function dropOldLink(ports: AttachPorts, a: Attachment): void {
  if (ports.kernel.podLink(a.hostInterface) !== undefined) ports.kernel.deleteLink(a.hostInterface);
}

async function undo(ports: AttachPorts, a: Attachment): Promise<void> {
  const { linkGone, failure } = await detach(ports, a);
  await linkGone;
  if (failure !== undefined) ports.log.warn('attach.undo-later', { container: a.containerId, reason: messageOf(failure) });
}

export interface Detached {
  /** Resolves when the link, and the record with it, is gone as well; it takes 20 ms, which nobody need wait for. Never rejects. */
  readonly linkGone: Promise<void>;
  /** Why the API was not told. The record stays, and `repair` tries again. */
  readonly failure: Error | undefined;
}

/**
 * Takes an attachment down: annotations, routes, addresses, link. Safe to repeat, and for one that is half there.
 * Afterwards no packet reaches the container at its addresses, and they may be given to others.
 * A full disk is no obstacle: taking containers down is how a node gets room again.
 */
export async function detach(ports: AttachPorts, attachment: Attachment): Promise<Detached> {
  const going: Attachment = { ...attachment, state: 'deleting' };
  noteGoing(ports, going);
  dropRoutes(ports, going);
  const outcomes = await Promise.all([settled(ports.pods.blank(going)), settled(ports.ipam.release(going.handle))]);
  const failure = outcomes.flatMap((o) => ('error' in o ? [o.error] : []))[0];
  const linkGone = onTheWire().then(() => finish(ports, going, failure === undefined)); // the answer leaves before
  return { linkGone, failure };
}

/** Where it cannot be written the record goes on saying what was: a runtime without our answer asks again. */
function noteGoing({ registry, log }: AttachPorts, going: Attachment): void {
  try {
    registry.put(going);
  } catch (error) {
    log.warn('detach.unrecorded', { container: going.containerId, reason: messageOf(error) });
    registry.noteUnwritten(going);
  }
}

/** Routes on the attachment's own link only: its addresses may be another's by now. */
function dropRoutes(ports: AttachPorts, a: Attachment): void {
  const link = ownLink(ports, a);
  if (link !== undefined) ports.kernel.apply(ports.kernel.podRoutes(link).map((r) => ({ type: 'removeHostRoute', prefix: r.prefix })));
}

/** Unless it has been attached anew meanwhile: that has taken link and record over. */
async function finish(ports: AttachPorts, going: Attachment, isReleased: boolean): Promise<void> {
  const isCurrent = (): boolean => ports.registry.find(keyOfAttachment(going)) === going;
  try {
    const link = isCurrent() ? ownLink(ports, going) : undefined;
    if (link !== undefined) await ports.kernel.removeLink(link.index);
    if (isReleased && isCurrent()) ports.registry.remove(going);
  } catch (error) {
    ports.log.error('detach.link', { link: going.hostInterface, reason: messageOf(error) });
  }
}

/** The attachment's link on the node; undefined when there is none, or it is another container's by now. */
function ownLink(ports: AttachPorts, a: Attachment): PodLink | undefined {
  const link = a.kind === 'link' ? ports.kernel.podLink(a.hostInterface) : undefined;
  return link?.alias === aliasOfAttachment(a) ? link : undefined;
}
export const podText = (a: Pick<Attachment, 'pod' | 'containerId'>): string => (a.pod === undefined ? a.containerId : `${a.pod.namespace}/${a.pod.name}`);

/** Lets what was just asked of the API leave, before the kernel's turn blocks this thread for a millisecond. */
const onTheWire = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });

type Settled<T> = Promise<{ readonly value: T } | { readonly error: Error }>;

/** Its failure is a value, so that it may be looked at later without being unhandled meanwhile. */
const settled = <T>(promise: Promise<T>): Settled<T> => promise.then(
  (value) => ({ value }),
  (error: unknown) => ({ error: error instanceof Error ? error : new OperationError('ATTACH', {}, error) }),
);

function valueOf<T>(outcome: Awaited<Settled<T>>): T {
  if ('error' in outcome) throw outcome.error;
  return outcome.value;
}
