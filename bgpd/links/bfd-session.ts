/** Which BFD session a peer asks for (RFC 5882 §2): over one hop or several, as the kernel reaches it. */
import type { BfdSession } from '../../config/messages/bfd-control.ts';
import type { PeerConfig } from '../../config/messages/speaker-config.ts';
import type { Ip } from '../../lib/ip/prefix.ts';
import { ip, showIp } from '../../lib/ip/text.ts';
import type { Resolution } from '../ports.ts';
import { isLinkLocal } from '../rib/next-hop.ts';

/** The session that there is now. */
export interface PresentSession { readonly session: BfdSession; readonly isUp: boolean }

/**
 * Or why there is none, in words. While the present session is Up, or the peer cannot be reached at all, nothing about
 * hops is decided anew: when a link goes, its route goes first and the peer seems to be far away, and the session that
 * is to tell of it must not be taken for another.
 */
export function bfdSessionFor(config: PeerConfig, resolution: Resolution, present: PresentSession | undefined): BfdSession | string {
  const { bfd, sourceAddress } = config;
  if (bfd === undefined) return 'not configured';
  if (config.shutdown !== undefined) return 'the session is held down';
  const address: Ip = ip(config.address);
  const multihop = isLinkLocal(address) ? false : hopsOf(bfd.hops, resolution, present);
  if (typeof multihop === 'string') return multihop;
  return {
    peer: showIp(address), multihop, transmitMs: bfd.transmitMs, receiveMs: bfd.receiveMs, multiplier: bfd.multiplier,
    ...sourceAddress !== undefined && { local: showIp(ip(sourceAddress)) },
    ...isLinkLocal(address) && config.interface !== undefined && { interface: config.interface },
  };
}

function hopsOf(hops: NonNullable<PeerConfig['bfd']>['hops'], { reachable, gateway }: Resolution, present: PresentSession | undefined): boolean | string {
  if (hops === 'multihop') return true;
  const isKept = present !== undefined && (present.isUp || !reachable) && (hops === 'auto' || !present.session.multihop);
  if (isKept) return present.session.multihop;
  if (!reachable) return 'there is no route to it yet';
  if (gateway === undefined) return false;
  return hops === 'auto' ? true : 'it is not directly connected';
}
