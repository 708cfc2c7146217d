/** What an operator's `clear` does to sessions: a new start, or the routes once more without one. */
import type { ClearMode } from '../config/messages/bgpd-control.ts';
import type { Neighbour } from './neighbour.ts';
import type { Speaker } from './speaker.ts';

/**
 * Returns the names of the peers it was done to; `peer` is a name, an address, or `*` for all. Undefined: no such peer.
 * A peer that an operator holds down stays down.
 */
export function clear(speaker: Speaker, peer: string, mode: ClearMode, nowMs: number): string[] | undefined {
  const found = peer === '*' ? [...speaker.neighbours] : [speaker.neighbours.find(peer)].filter((n) => n !== undefined);
  if (found.length === 0 && peer !== '*') return undefined;
  for (const neighbour of found) {
    CLEAR[mode](speaker, neighbour);
    neighbour.cleared = { atMs: nowMs, mode };
  }
  speaker.routing.changed();
  return found.map((neighbour) => neighbour.config.name);
}

const CLEAR: Readonly<Record<ClearMode, (speaker: Speaker, neighbour: Neighbour) => void>> = {
  /** Also ends the time that a peer with too many prefixes is kept out. */
  hard: (speaker, neighbour) => {
    speaker.limits.forget(neighbour);
    neighbour.peer.stop('reset');
    neighbour.peer.start();
  },
  /** What the peer has sent is judged again; and asked for again, for what was not kept as it came. */
  'soft-in': (speaker, neighbour) => {
    speaker.neighbours.judgeAgain(neighbour);
    for (const family of neighbour.session?.negotiated.families ?? []) neighbour.peer.requestRefresh(family);
  },
  'soft-out': (speaker, neighbour) => {
    for (const family of neighbour.session?.places.keys() ?? []) speaker.refresh.resend(neighbour, family);
  },
};
