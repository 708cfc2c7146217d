/** What the speaker needs from the outside, as interfaces: the shell supplies them, tests supply fakes. */
import type { BfdSession, BfdStatus } from '../config/messages/bfd-control.ts';
import type { Problem } from '../lib/errors.ts';
import type { Ip, Prefix } from '../lib/ip/prefix.ts';

/** One way to forward: through a gateway on an interface. */
export interface KernelNextHop {
  /** Undefined: on-link. May be of the other family (RFC 8950). */
  readonly gateway: Ip | undefined;
  /** Interface index; 0: let the kernel find it from the gateway. */
  readonly interfaceIndex: number;
}

export type KernelRoute = { readonly prefix: Prefix; /** Absent: the metric of the place (see `FibPort`). */ readonly metric?: number } & (
  | { readonly kind: 'unicast'; /** One, or several for ECMP. */ readonly nextHops: readonly KernelNextHop[] }
  | { readonly kind: 'blackhole' });

export interface RouteRefusal { readonly prefix: Prefix; readonly code: string; readonly message: string }

/** The FIB: only routes with our protocol number, in our table, and, unless the place says otherwise, with our metric. */
export interface FibPort {
  /** Our routes that are in the kernel now. */
  list(): Promise<KernelRoute[]>;
  /** Adds or replaces in batches; a route is never absent while it changes. Resolves with what the kernel refused. */
  put(routes: readonly KernelRoute[]): Promise<RouteRefusal[]>;
  /** Removes; an absent route is success. */
  remove(routes: readonly KernelRoute[]): Promise<RouteRefusal[]>;
  /**
   * Called when somebody else removed or changed one of our routes, when a link went down (the kernel drops routes
   * silently then), and when monitor messages were lost: `list` tells what is left. At most once per turn, never for
   * what `put` and `remove` did.
   */
  onDisturbed?(listener: () => void): Disposable;
}

/** How the kernel would reach an address. `metric` is the IGP cost of RFC 4271 §9.1.2.1. */
export interface Resolution {
  readonly reachable: boolean;
  /** Undefined: directly connected. */
  readonly gateway: Ip | undefined;
  readonly interfaceIndex: number;
  readonly metric: number;
  /** Length of the prefix that decided; absent: not known. */
  readonly length?: number;
}

export const UNREACHABLE: Resolution = { reachable: false, gateway: undefined, interfaceIndex: 0, metric: Infinity };

/**
 * Next-hop resolution against the kernel's own routes (connected, static, other daemons'), never against ours,
 * through a default route only if the shell allows it (`tortie bgpd` does).
 */
export interface ResolverPort {
  /**
   * From memory; no I/O. An address of this node itself is not reachable: as a next hop it is unusable. `interfaceIndex`:
   * where a link-local address is meant, which is not reachable without one.
   */
  resolve(address: Ip, interfaceIndex?: number): Resolution;
  /** Addresses of this node on an interface. */
  ownAddresses?(interfaceIndex: number): readonly Ip[];
  /** The name of an interface; undefined: it is not there. */
  interfaceName?(interfaceIndex: number): string | undefined;
  /** Called when routes, links or addresses changed, so that resolutions may differ. At most once per turn. */
  onChange(listener: () => void): Disposable;
}

/** A kernel route of another owner, as far as announcing it matters. */
export interface ForeignCandidate {
  /** `connected`: it follows from an address; `static`: anything else. */
  readonly kind: 'connected' | 'static';
  readonly metric: number;
  /** Where it leaves by; of several next hops the first. */
  readonly interfaceIndex: number;
  /** Undefined: on-link. */
  readonly gateway: Ip | undefined;
}

/** The kernel's routes of other owners (connected, static, the agent's) in the main table. */
export interface ForeignRoutesPort {
  /**
   * Tells of all of them in a later turn, and then of those that changed, at most once per turn; undefined: it is gone.
   * One listener at a time.
   */
  follow(listener: (changes: ReadonlyMap<Prefix, ForeignCandidate | undefined>) => void): Disposable;
  /** Connected routes of interfaces that match one of these glob patterns do not count, nor for next hops. */
  ignoreInterfaces(patterns: readonly string[]): void;
}

/** What the kernel is to demand of a neighbour, or of all neighbours of a prefix, before a segment of them comes. */
export interface LinkDemand {
  /** The peer or range, for what people are told. */
  readonly name: string;
  readonly prefix: Prefix;
  /** The interface on which a link-local address is meant. */
  readonly interface: string | undefined;
  /** TCP-MD5 (RFC 2385); undefined: segments are not signed. */
  readonly key: string | undefined;
  /** GTSM (RFC 5082): most hops to the neighbour, 1..254; undefined: any. */
  readonly hops: number | undefined;
  /** Milliseconds that what we sent may stay unacknowledged, or the neighbour's window closed. */
  readonly patienceMs: number;
}

/** A TCP connection that carries BGP. All callbacks come in separate turns. */
export interface Connection {
  readonly local: Ip;
  readonly remote: Ip;
  readonly remotePort: number;
  /** The interface, when the addresses are link-local ones. */
  readonly link?: { readonly index: number; readonly name: string } | undefined;
  /** Queues bytes; false: the peer reads slowly, wait for `drained`. */
  write(bytes: Uint8Array): boolean;
  /** Sends what is queued, then FIN; nothing more is called back. */
  end(): void;
  /** Ends at once; nothing more is called back. */
  destroy(): void;
  listen(callbacks: ConnectionCallbacks): void;
}

export interface ConnectionCallbacks {
  /** The chunk is valid only during the call. */
  data(chunk: Uint8Array): void;
  drained(): void;
  /** Once, whatever ended it. `error` is empty on an orderly FIN. */
  closed(error: string): void;
}

export interface DialOptions {
  readonly address: Ip;
  readonly port: number;
  readonly sourceAddress: Ip | undefined;
  /** The interface to use; a link-local address needs one. */
  readonly interface?: string | undefined;
  readonly timeoutMs: number;
}

export interface TransportPort {
  /** Rejects with an OperationError whose `details.reason` says why in words. */
  dial(options: DialOptions, signal: AbortSignal): Promise<Connection>;
  /** Listens on one address (undefined: all of both families). Backlog at least 1,024. */
  listen(address: Ip | undefined, port: number, accept: (connection: Connection) => void): Promise<AsyncDisposable>;
  /** Replaces all demands, also of connections that exist; those of addresses that are named no more go on as they are. */
  demand?(demands: readonly LinkDemand[]): void;
  /** What the kernel could not be told, and what it makes of us, in words for people. */
  readonly problems?: readonly Problem[];
  /** Why a neighbour that is not heard may be silent, where the kernel lets us know; undefined: it does not. */
  suspicion?(address: Ip, link: string | undefined): string | undefined;
}

/** The process that runs BFD, while it is there. */
export interface BfdPort {
  /**
   * Told of all sessions each time that one changes its state, and once when the connection stands; undefined: nobody
   * answers any more, and sessions may go on or not. Only once told may `want` be called.
   */
  follow(listener: (status: BfdStatus | undefined) => void): Disposable;
  /** Replaces what we want; again after each time that the connection stands. */
  want(sessions: readonly BfdSession[]): void;
  /** Why nobody answers, in words; empty: somebody does. */
  readonly trouble: string;
}

/** Router advertisements on links, and what happens to links. */
export interface RouterDiscoveryPort {
  /** Undefined: there is no interface of this name. Throws OperationError when it cannot be listened on. */
  open(name: string, heard: (message: 'solicitation' | 'advertisement', from: Ip) => void): RouterLink | undefined;
  /** Called when an interface appears, goes, or changes its state. */
  onLinkChange(listener: (name: string) => void): Disposable;
}

export interface RouterLink extends Disposable {
  readonly index: number;
  /** Empty, or why it could not be sent, in words. */
  advertise(): string;
  solicit(): string;
}
