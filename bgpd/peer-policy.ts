/** What is done with the routes of one peer, as the configuration says: coming in and going out. */
import type { GlobalSection, OriginateSection, PeerConfig } from '../config/messages/speaker-config.ts';
import type { Family, Prefix } from '../lib/ip/prefix.ts';
import { ip, prefix } from '../lib/ip/text.ts';
import type { NeighbourSession } from './neighbour.ts';
import type { ExportTarget } from './rib/export.ts';
import { asksInterfaces, chainOf, type Filters, type RouteFilter } from './rib/filter.ts';
import type { Guards, GuardSettings } from './rib/guards.ts';
import { importPolicy } from './rib/import-policy.ts';
import type { LoopContext } from './rib/loop.ts';
import type { Source } from './rib/route.ts';

export interface PeerPolicy {
  readonly loop: LoopContext;
  readonly importFilter: RouteFilter;
  readonly exportFilter: RouteFilter | undefined;
  readonly exportRules: ExportRules;
  /** What the two sides say, in words: a change of the words is a change of the policy. */
  readonly importKey: string;
  readonly exportKey: string;
  /** Links that change may change what the import filters say. */
  readonly asksInterfaces: boolean;
  /** What guards refused since it was last looked at. */
  readonly guarded: { count: number; prefix: Prefix | undefined; reason: string; toldMs: number };
}

/** What configuration alone says about routes that go out. */
export interface ExportRules {
  readonly nextHop: PeerConfig['nextHop'];
  readonly toReflectorClient: boolean;
  readonly clusterId: number;
  readonly gracefulShutdown: boolean;
  readonly asOverride: boolean;
  readonly removePrivateAs: boolean;
  readonly defaultOriginate: readonly Family[];
}

/** What all policies of a configuration are made of. */
export interface PolicyBasis {
  readonly global: GlobalSection;
  readonly filters: Filters;
  /** Filter name → its rules as text. */
  readonly filterTexts: ReadonlyMap<string, string>;
  readonly guards: Guards;
}

export function policyFor({ global, filters, filterTexts, guards }: PolicyBasis, config: PeerConfig, source: Source): PeerPolicy {
  const textsOf = (names: readonly string[]): string => names.map((name) => filterTexts.get(name) ?? `no filter ${name}`).join(' ');
  const session = source.kind === 'ibgp' ? 'ibgp' : 'ebgp';
  const routerId = ip(global.routerId) as number;
  const clusterId = global.clusterId === undefined ? routerId : ip(global.clusterId) as number;
  const loop = { localAsn: localAsnOf(global, config), allowLocalAs: config.allowLocalAs, routerId, clusterId };
  const guarded: PeerPolicy['guarded'] = { count: 0, prefix: undefined, reason: '', toldMs: -Infinity };
  const exportRules = exportRulesFor(global, config, clusterId);
  const isLeaving = config.gracefulShutdown === true;
  return {
    loop,
    importFilter: importPolicy(source, guards, chainOf(config.importFilters, filters, session), (refused, reason) => {
      Object.assign(guarded, { count: guarded.count + 1, prefix: refused, reason });
    }, isLeaving),
    exportFilter: chainOf(config.exportFilters, filters, session),
    exportRules,
    importKey: `${JSON.stringify([loop, isLeaving])} ${textsOf(config.importFilters)}`,
    exportKey: `${JSON.stringify(exportRules)} ${textsOf(config.exportFilters)}`,
    asksInterfaces: asksInterfaces(config.importFilters, filters),
    guarded,
  };
}

export const localAsnOf = (global: GlobalSection, config: PeerConfig): number => config.localAsn ?? global.asn;

function exportRulesFor(global: GlobalSection, config: PeerConfig, clusterId: number): ExportRules {
  return {
    nextHop: config.nextHop,
    toReflectorClient: config.reflectorClient === true,
    clusterId,
    gracefulShutdown: global.gracefulShutdown === true || config.gracefulShutdown === true,
    asOverride: config.asOverride === true,
    removePrivateAs: config.removePrivateAs === true,
    defaultOriginate: config.defaultOriginate ?? [],
  };
}

/** What the peer is sent, in the terms that it may share with other peers. `self`: what "through us" is called. */
export function exportTargetFor(family: Family, rules: ExportRules, { negotiated, endpoints }: NeighbourSession, self: ExportTarget['self']): ExportTarget {
  const { external, peerAsn, localAsn, wire, role, capabilities } = negotiated;
  return {
    family, localAsn, self, wire,
    nextHop: rules.nextHop,
    interfaceIndex: endpoints.interfaceIndex,
    reflection: external ? undefined : { toClients: rules.toReflectorClient, clusterId: rules.clusterId },
    role: external ? role?.local : undefined,
    longLived: capabilities.remote.longLived !== undefined,
    gracefulShutdown: rules.gracefulShutdown,
    overriddenAsn: external && rules.asOverride ? peerAsn : undefined,
    privateAsnsExcept: external && rules.removePrivateAs ? peerAsn : undefined,
    originatesDefault: rules.defaultOriginate.includes(family),
  };
}

/** Peers with the same key are sent the same bytes. `exportKey`: what is filtered, in words. */
export function groupKeyOf(target: ExportTarget, exportKey: string): string {
  const { wire: { addPathIn: _, ...wire }, ...others } = target;
  return JSON.stringify([{ ...others, wire }, exportKey], (_key, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
}

/** What guards go by. Nothing said: both are on, without exception. */
export function guardSettingsFor(global: GlobalSection, originate: OriginateSection | undefined): GuardSettings {
  const { martians, ownBlocks, except } = global.guards ?? { martians: true, ownBlocks: true, except: [] };
  return {
    martians, ownBlocks, except: except.map(prefix),
    blocks: (originate?.routes ?? []).filter((route) => route.blackhole).map((route) => prefix(route.prefix)),
  };
}
