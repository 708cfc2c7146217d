/** BGP over TCP: dials, listens, and has the kernel demand of each neighbour what it must show (keys, hop limits). */
import { OperationError, type Problem } from '../lib/errors.ts';
import { FAMILIES, bitsOf, familyOf, prefixOf, type Family, type Ip, type Prefix } from '../lib/ip/prefix.ts';
import { ip, showIp } from '../lib/ip/text.ts';
import { bind, close, connect, errnoName, interfaceIndexOf, interfaceNameOf, pollWritable } from '../sys/native.ts';
import { encodeAddress, type SocketAddress } from '../sys/socket-address.ts';
import { readSysctl } from '../sys/sysctl.ts';
import {
  bindToInterface, connectError, listenTcp, localAddress, openTcp, setKey, setMinimumTtl, setUserTimeout, ttlOfSyn, type TcpListener,
} from '../sys/tcp.ts';
import { Demands, minimumTtlOf } from './links/demands.ts';
import type { Connection, DialOptions, LinkDemand, TransportPort } from './ports.ts';
import { isLinkLocal } from './rib/next-hop.ts';
import { SegmentDrops } from './segment-drops.ts';
import { SYSTEM_WORDS, TcpConnection } from './tcp-connection.ts';

/** The kernel caps it at net.core.somaxconn: a mesh dials all at once. */
const BACKLOG = 4096;
/** With less, peers that dial together wait for their second SYN. */
const LEAST_BACKLOG = 1024;
/** Bytes read at a time. All connections share one buffer: a chunk is valid only during its callback. */
const READ_BUFFER_BYTES = 256 * 1024;
const ANY: Readonly<Record<Family, Ip>> = { ipv4: ip('0.0.0.0'), ipv6: ip('::') };
/** IPv6 is not there at all, or switched off. */
const NO_SUCH_FAMILY = ['EAFNOSUPPORT', 'EADDRNOTAVAIL'];

export const tcpTransport = (): TransportPort => new TcpTransport();

interface Listening { readonly family: Family; readonly socket: TcpListener; readonly keys: Map<Prefix, string> }

class TcpTransport implements TransportPort {
  readonly #buffer = new Uint8Array(READ_BUFFER_BYTES);
  readonly #listening = new Set<Listening>();
  readonly #connections = new Set<TcpConnection>();
  readonly #drops = new SegmentDrops();
  /** By the prefix of a key: why the kernel does not have it. */
  readonly #refusedKeys = new Map<Prefix, Problem>();
  /** Demands whose connections came over too many hops → what was seen last. */
  readonly #far = new Map<string, string>();
  #demands = new Demands([]);

  get problems(): Problem[] { return [...this.#refusedKeys.values(), ...this.#listening.size > 0 ? backlogProblems() : []]; }

  dial(options: DialOptions, signal: AbortSignal): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const fail = (reason: string, cause?: unknown): void => {
        reject(new OperationError('BGP_DIAL', { address: showIp(options.address), port: options.port, reason }, cause));
      };
      if (signal.aborted) { fail('aborted'); return; }
      this.#drops.look();
      const link = linkOf(options.address, options.interface);
      if (options.interface !== undefined && interfaceIndexOf(options.interface) === 0) { fail(`there is no interface ${options.interface}`); return; }
      const demand = this.#demands.find(options.address, link?.name);
      let fd: number;
      try {
        fd = openDial(options, demand);
      } catch (error) {
        fail(wordsOf(error), error);
        return;
      }
      awaitConnect(fd, options.timeoutMs, signal, (error) => {
        const local = error === '' ? localAddress(fd) : undefined;
        if (local === undefined) {
          close(fd);
          fail(error === '' ? 'lost at once' : SYSTEM_WORDS[error] ?? error);
          return;
        }
        setUserTimeout(fd, demand?.patienceMs ?? 0);
        const ends = { local: local.address, remote: options.address, remotePort: options.port, link };
        resolve(this.#connection(fd, ends, demand));
      });
    });
  }

  /** One socket for each family: a key for an IPv4 neighbour has no effect on a socket of both. */
  listen(address: Ip | undefined, port: number, accept: (connection: Connection) => void): Promise<AsyncDisposable> {
    const opened: Listening[] = [];
    const stop = (): void => {
      for (const listening of opened) {
        this.#listening.delete(listening);
        listening.socket[Symbol.dispose]();
      }
    };
    try {
      if (address !== undefined) opened.push(this.#listenAt(address, port, accept));
      else for (const family of FAMILIES) opened.push(...this.#listenIfThere(family, port, accept));
      return Promise.resolve({ [Symbol.asyncDispose]: () => { stop(); return Promise.resolve(); } });    // accepted connections live on
    } catch (error) {
      stop();
      const place = address === undefined ? '*' : showIp(address);
      return Promise.reject(new OperationError('BGP_LISTEN', { address: place, port, reason: wordsOf(error) }, error));
    }
  }

  demand(demands: readonly LinkDemand[]): void {
    this.#demands = new Demands(demands);
    this.#far.clear();
    for (const listening of this.#listening) this.#setKeys(listening.socket.fd, listening.family, listening.keys);
    for (const connection of this.#connections) {
      const demand = this.#demands.find(connection.remote, connection.link?.name);
      if (demand !== undefined) connection.follow(demand);
    }
  }

  suspicion(address: Ip, link: string | undefined): string | undefined {
    const demand = this.#demands.find(address, link);
    return (demand === undefined ? undefined : this.#far.get(demand.name)) ?? this.#drops.suspicion(demand);
  }

  #listenIfThere(family: Family, port: number, accept: (connection: Connection) => void): Listening[] {
    try {
      return [this.#listenAt(ANY[family], port, accept)];
    } catch (error) {
      if (family === 'ipv6' && error instanceof OperationError && NO_SUCH_FAMILY.includes(String(error.details['errno']))) return [];
      throw error;
    }
  }

  #listenAt(address: Ip, port: number, accept: (connection: Connection) => void): Listening {
    const family = familyOf(address);
    const keys = new Map<Prefix, string>();
    const socket = listenTcp({ address, port, backlog: BACKLOG }, (fd) => { this.#setKeys(fd, family, keys); }, (fd, remote) => { this.#accepted(fd, remote, accept); });
    const listening = { family, socket, keys };
    this.#listening.add(listening);
    return listening;
  }

  /** Makes the keys of a listener those that are demanded; connections that exist do not notice. */
  #setKeys(fd: number, family: Family, present: Map<Prefix, string>): void {
    const wanted = this.#demands.keys(family);
    const put = (): void => {
      for (const prefix of this.#refusedKeys.keys()) if (familyOf(prefix) === family) this.#refusedKeys.delete(prefix);
      for (const [prefix, { name, key }] of wanted) {
        if (key === undefined || present.get(prefix) === key) continue;
        const result = setKey(fd, prefix, key);
        if (result >= 0) present.set(prefix, key); else this.#refusedKeys.set(prefix, keyProblem(name, errnoName(-result)));
      }
    };
    put();
    for (const prefix of present.keys()) {
      if (wanted.has(prefix)) continue;
      setKey(fd, prefix, undefined);
      present.delete(prefix);
    }
    if (this.#refusedKeys.size > 0) put();      // there may be room now
  }

  /**
   * The listener is shared, so it takes a SYN of any TTL; the kernel keeps its headers, and what came too far is refused
   * here (RFC 5082 §3). From here on the kernel drops what comes farther.
   */
  #accepted(fd: number, remote: SocketAddress, accept: (connection: Connection) => void): void {
    const local = localAddress(fd);
    const link = isLinkLocal(remote.address) ? linkOf(remote.address, interfaceNameOf(remote.scope)) : undefined;
    const demand = this.#demands.find(remote.address, link?.name);
    const minimum = minimumTtlOf(demand);
    const ttl = ttlOfSyn(fd);
    const isTooFar = minimum > 0 && (ttl === undefined || ttl < minimum);
    if (isTooFar && demand !== undefined) this.#far.set(demand.name, `a connection with TTL ${ttl ?? 'unknown'} was refused: expected at least ${minimum}`);
    if (local === undefined || isTooFar) { close(fd); return; }
    if (minimum > 0) setMinimumTtl(fd, familyOf(remote.address), minimum);
    if (demand !== undefined) setUserTimeout(fd, demand.patienceMs);
    accept(this.#connection(fd, { local: local.address, remote: remote.address, remotePort: remote.port, link }, demand));
  }

  #connection(fd: number, ends: ConstructorParameters<typeof TcpConnection>[1], demand: LinkDemand | undefined): TcpConnection {
    const connection = new TcpConnection(fd, ends, demand, this.#buffer, () => { this.#connections.delete(connection); });
    this.#connections.add(connection);
    return connection;
  }
}

/** A socket whose SYN is on its way, with all that the neighbour may demand of it. Throws OperationError. */
function openDial(options: DialOptions, demand: LinkDemand | undefined): number {
  const { address, port, sourceAddress } = options;
  const family = familyOf(address);
  const scope = linkOf(address, options.interface)?.index ?? 0;
  const fd = openTcp(family);
  const minimum = minimumTtlOf(demand);
  const steps: readonly (readonly [string, () => number])[] = [
    ['TCP_MD5SIG', () => (demand?.key === undefined ? 0 : setKey(fd, prefixOf(address, bitsOf(family)), demand.key))],
    ['MINTTL', () => (minimum === 0 ? 0 : setMinimumTtl(fd, family, minimum))],
    ['SO_BINDTODEVICE', () => (options.interface === undefined || scope !== 0 ? 0 : bindToInterface(fd, options.interface))],
    ['bind', () => (sourceAddress === undefined ? 0 : bind(fd, encodeAddress({ address: sourceAddress, port: 0, scope })))],
    ['connect', () => connect(fd, encodeAddress({ address, port, scope }))],
  ];
  for (const [call, step] of steps) {
    const result = step();
    const errno = result < 0 ? errnoName(-result) : '';
    if (errno === '' || errno === 'EINPROGRESS') continue;
    close(fd);
    throw new OperationError('TCP_CONNECT', { call, errno });
  }
  return fd;
}

/** Calls back once: with an empty text, or why there is no connection. The descriptor stays the caller's. */
function awaitConnect(fd: number, timeoutMs: number, signal: AbortSignal, ended: (error: string) => void): void {
  const end = (error: string): void => {
    poll[Symbol.dispose]();
    clearTimeout(timer);
    signal.removeEventListener('abort', aborted);
    ended(error);
  };
  const aborted = (): void => { end('aborted'); };
  const poll = pollWritable(fd, () => { end(connectError(fd)); });
  const timer = setTimeout(() => { end('ETIMEDOUT'); }, timeoutMs);
  signal.addEventListener('abort', aborted, { once: true });
}

function linkOf(address: Ip, name: string | undefined): Connection['link'] {
  if (name === undefined || !isLinkLocal(address)) return undefined;
  return { index: interfaceIndexOf(name), name };
}

function keyProblem(name: string, errno: string): Problem {
  const words = errno === 'ENOMEM'
    ? `the kernel has no room for more TCP-MD5 keys: raise net.core.optmem_max (now ${readSysctl('net/core/optmem_max')})`
    : `the kernel refuses the TCP-MD5 key: ${errno}`;
  return { path: `peers/${name}.password`, message: words };
}

function backlogProblems(): Problem[] {
  const limit = Number(readSysctl('net/core/somaxconn'));
  return limit >= LEAST_BACKLOG ? []
    : [{ path: 'global.listen', message: `net.core.somaxconn is ${limit}, so that no more peers can dial at once: expected at least ${LEAST_BACKLOG}` }];
}

function wordsOf(error: unknown): string {
  const errno = error instanceof OperationError ? String(error.details['errno']) : '';
  return SYSTEM_WORDS[errno] ?? (error instanceof Error ? error.message : String(error));
}
