/** What an operator says about BGP by annotations of the Node: written by `tortiectl bgp`, read by the node's agent. */
import type { ClearMode } from './bgpd-control.ts';

/** JSON object: peer name or address → the message that the peer is sent (RFC 9003). It stays down while it is named. */
export const BGP_SHUTDOWN_ANNOTATION = 'tortie.io/bgp-shutdown';
/** JSON of a `ClearRequest`: done once, when `at` changes. */
export const BGP_CLEAR_ANNOTATION = 'tortie.io/bgp-clear';

export interface ClearRequest {
  /** Name or address; `*`: all. */
  readonly peer: string;
  readonly mode: ClearMode;
  /** When it was asked for, ISO 8601: what makes a request another one. */
  readonly at: string;
}
