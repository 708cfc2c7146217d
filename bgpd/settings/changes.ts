/** What a change of configuration demands of a session: nothing, patience, or a new one. */
import type { GlobalSection, PeerConfig } from '../../config/messages/speaker-config.ts';
import { settingsFor } from '../session/negotiate.ts';

export interface PeerSettings { readonly global: GlobalSection; readonly config: PeerConfig }

/**
 * `reset`: what both sides agreed on would be another thing now. `next-session`: it was said in an OPEN or matters to
 * dialling alone, so that it can wait until the session ends by itself. `policy`: only what is done with routes changed.
 */
export type Demand = 'nothing' | 'policy' | 'next-session' | 'reset';

export function demandOf(before: PeerSettings, after: PeerSettings): Demand {
  if (identity(before) !== identity(after)) return 'reset';
  if (manners(before) !== manners(after)) return 'next-session';
  return JSON.stringify(before.config) === JSON.stringify(after.config) ? 'nothing' : 'policy';
}

/** Who talks with whom about what (RFC 4271 §6.2, RFC 4760). */
function identity({ global, config }: PeerSettings): string {
  const { localAsn, peerAsn, routerId, families, holdTimeSeconds } = settingsFor(global, config);
  return JSON.stringify([localAsn, peerAsn, routerId, families, holdTimeSeconds, config.address, config.sourceAddress]);
}

function manners({ global, config }: PeerSettings): string {
  const { keepaliveSeconds, connectRetrySeconds, passive, restartTimeSeconds } = settingsFor(global, config);
  return JSON.stringify([keepaliveSeconds, connectRetrySeconds, passive, restartTimeSeconds, config.port]);
}
