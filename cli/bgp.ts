/** `tortiectl bgp`: sessions and routes of the nodes' BGP speakers. */
import type { Command } from 'commander';
import { addBgpClear } from './bgp-clear.ts';
import { addBgpEnable } from './bgp-enable.ts';
import { addBgpAdvertised, addBgpReceived } from './bgp-peer-routes.ts';
import { addBgpPeer } from './bgp-peer.ts';
import { addBgpPeers } from './bgp-peers.ts';
import { addBgpRoutes } from './bgp-routes.ts';
import { addBgpShutdown } from './bgp-shutdown.ts';
import { addBgpSummary } from './bgp-summary.ts';

export function addBgp(bgp: Command): void {
  for (const add of [
    addBgpSummary, addBgpPeers, addBgpPeer, addBgpRoutes, addBgpAdvertised, addBgpReceived, addBgpClear, addBgpShutdown, addBgpEnable,
  ]) add(bgp);
}
