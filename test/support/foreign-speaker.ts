/** A BGP daemon of somebody else, as the interop tests see it. */
import type { Family } from '../../lib/ip/prefix.ts';
import type { Capability } from './capabilities.ts';
import type { Netns } from './namespaces.ts';

/** The two ends: ours is .1, theirs .2, each speaks over both families, one session per family. */
export const OURS = { ipv4: '10.9.0.1', ipv6: 'fd09::1' } as const;
export const THEIRS = { ipv4: '10.9.0.2', ipv6: 'fd09::2' } as const;

export interface ForeignSettings {
  readonly asn: number;
  /** The AS number it expects of us. */
  readonly ourAsn: number;
  /** 6 unless said. */
  readonly holdTimeSeconds?: number;
  /** What it announces. */
  readonly routes: readonly string[];
  /** Starts as one that comes back (RFC 4724 §4.1). */
  readonly recovering?: boolean;
}

export const RESTART_TIME_SECONDS = 30;

export interface ForeignDaemon {
  readonly name: string;
  readonly needs: readonly Capability[];
  /** Learned routes stand in the kernel of its namespace; otherwise they are looked at in its own table. */
  readonly hasFib: boolean;
  /** Resolves when it answers. */
  start(ns: Netns, settings: ForeignSettings): Promise<ForeignSpeaker>;
}

export interface ForeignSpeaker {
  /** `Established`, or what it says instead, with the last error if it knows one. */
  session(family: Family): string;
  /** Changes what it announces. */
  announce(routes: readonly string[]): void;
  /** Prefixes it holds from us, in its own table. */
  learned(family: Family): string[];
  /** Its log or console output. */
  readonly output: string;
  /** To all its processes. */
  signal(signal: NodeJS.Signals): void;
  /** SIGKILL to all, and waits for the end. */
  kill(): Promise<void>;
}

export const is6 = (prefix: string): boolean => prefix.includes(':');
