/** Annotations of ours as settings of a session: those of a BGPPeer over the defaults of the cluster, where they fit. */
import type { Problem } from '../../lib/errors.ts';
import type { Family } from '../../lib/ip/prefix.ts';
import { annotationPath, SESSION_ANNOTATIONS, type SessionAnnotations } from '../kinds/tortie-annotations.ts';
import { COUNTERPART, type MaximumPrefixes, type PeerBfd, type PeerTemplate } from '../messages/speaker-config.ts';

type Name = keyof SessionAnnotations;

/** What a session is, as far as it says which settings fit. */
export interface SessionNature {
  readonly external: boolean;
  /** Of its addresses. */
  readonly family: Family;
  /** `toward`: as written; `back`: the other end of such a session; `mesh`: nobody wrote it. */
  readonly side: 'toward' | 'back' | 'mesh';
}

/** What both ends of a session agree on, or what each may say for itself without harm: also for the mesh and the way back. */
const SHARED: ReadonlySet<Name> = new Set<Name>([
  'maximum-prefixes', 'maximum-prefixes-warning-percent', 'maximum-prefixes-action', 'maximum-prefixes-restart', 'add-path',
  'extended-next-hop', 'extended-messages', 'graceful-restart-notification', 'long-lived-stale-time', 'hold-time', 'role', 'role-strict',
  'failure-detection-mode', 'bfd-hops', 'bfd-transmit-interval', 'bfd-receive-interval', 'bfd-multiplier',
]);

/** What an annotation needs of a session; a default that does not fit is left out in silence, one of the peer is a problem. */
const NEEDS: readonly (readonly [Name, fits: (n: SessionNature) => boolean, expected: string])[] = [
  ['role', (n) => n.external, 'a session between two AS (RFC 9234)'],
  ['as-override', (n) => n.external, 'a session between two AS'],
  ['remove-private-as', (n) => n.external, 'a session between two AS'],
  ['extended-next-hop', (n) => n.family === 'ipv6', 'a session over IPv6 (RFC 8950)'],
];

/** `own` is of the BGPPeer at `path`. */
export function sessionSettings(defaults: SessionAnnotations, own: SessionAnnotations, nature: SessionNature, path: string, problems: Problem[]): Partial<PeerTemplate> {
  const wanted: Partial<Record<Name, unknown>> = { ...defaultsFor(defaults, nature), ...own };
  for (const [name, fits, expected] of NEEDS) {
    if (wanted[name] === undefined || wanted[name] === false || fits(nature)) continue;
    delete wanted[name];
    if (own[name] !== undefined && nature.side === 'toward') problems.push({ path: annotationPath(path, name), message: `this session cannot have it: expected ${expected}` });
  }
  if (nature.side !== 'toward') for (const name of Object.keys(wanted) as Name[]) if (!SHARED.has(name)) delete wanted[name];
  const settings = wanted as SessionAnnotations;
  checkCompany(settings, own, path, problems);
  return templateOf(settings, nature);
}

function defaultsFor(defaults: SessionAnnotations, { side }: SessionNature): SessionAnnotations {
  const names = (Object.keys(SESSION_ANNOTATIONS) as Name[]).filter((n) => defaults[n] !== undefined && (side !== 'mesh' || (SHARED.has(n) && n !== 'role')));
  return Object.fromEntries(names.map((n) => [n, defaults[n]]));
}

/** Some say more about another, which has to be there. */
const COMPANY: readonly (readonly [Name, of: Name])[] = [
  ['maximum-prefixes-warning-percent', 'maximum-prefixes'], ['maximum-prefixes-action', 'maximum-prefixes'],
  ['maximum-prefixes-restart', 'maximum-prefixes'], ['role-strict', 'role'],
];

function checkCompany(settings: SessionAnnotations, own: SessionAnnotations, path: string, problems: Problem[]): void {
  for (const [name, of] of COMPANY) {
    if (own[name] !== undefined && settings[of] === undefined) problems.push({ path: annotationPath(path, name), message: `it says nothing alone: expected tortie.io/${of} beside it` });
  }
  for (const name of ['bfd-transmit-interval', 'bfd-receive-interval', 'bfd-multiplier'] as const) {
    if (own[name] !== undefined && bfdOf(settings) === undefined) problems.push({ path: annotationPath(path, name), message: 'it says nothing alone: expected tortie.io/bfd-hops beside it, not off' });
  }
}

/** Milliseconds, and packets that may be missed. */
const BFD_MS = 300;
const BFD_MULTIPLIER = 3;

/** `bfd-hops` says more than Calico's mode, and so comes before it. */
function bfdOf(s: SessionAnnotations): PeerBfd | undefined {
  const hops = s['bfd-hops'] ?? (s['failure-detection-mode'] === 'BFDIfDirectlyConnected' ? 'direct-only' : 'off');
  return hops === 'off' ? undefined : {
    hops, transmitMs: s['bfd-transmit-interval'] ?? BFD_MS, receiveMs: s['bfd-receive-interval'] ?? BFD_MS, multiplier: s['bfd-multiplier'] ?? BFD_MULTIPLIER,
  };
}

function templateOf(s: SessionAnnotations, { side }: SessionNature): Partial<PeerTemplate> {
  const role = s.role === undefined || side !== 'back' ? s.role : COUNTERPART[s.role];
  const maximumPrefixes = maximumOf(s);
  const bfd = bfdOf(s);
  const extendedNextHop = s['extended-next-hop'];
  return {
    ...(s['add-path'] && { addPath: s['add-path'] }),
    ...(s['hold-time'] !== undefined && { holdTimeSeconds: s['hold-time'] }),
    ...(extendedNextHop !== undefined && { extendedNextHop }),
    ...(extendedNextHop === true && { families: ['ipv4', 'ipv6'] as const }),
    ...(s['extended-messages'] !== undefined && { extendedMessages: s['extended-messages'] }),
    ...(s['graceful-restart-notification'] !== undefined && { notificationRestart: s['graceful-restart-notification'] }),
    ...((s['long-lived-stale-time'] ?? 0) > 0 && { longLivedStaleSeconds: s['long-lived-stale-time']! }),
    ...(s['graceful-shutdown'] === true && { gracefulShutdown: true }),
    ...(s['as-override'] === true && { asOverride: true }),
    ...(s['remove-private-as'] === true && { removePrivateAs: true }),
    ...((s['default-originate']?.length ?? 0) > 0 && { defaultOriginate: s['default-originate']! }),
    ...(role !== undefined && { role: { local: role, strict: s['role-strict'] ?? false } }),
    ...(maximumPrefixes && { maximumPrefixes }),
    ...(bfd && { bfd }),
  };
}

function maximumOf(s: SessionAnnotations): MaximumPrefixes | undefined {
  const limit = s['maximum-prefixes'];
  if (limit === undefined) return undefined;
  const [warningPercent, restartSeconds] = [s['maximum-prefixes-warning-percent'], s['maximum-prefixes-restart']];
  return {
    limit, action: s['maximum-prefixes-action'] ?? 'close',
    ...(warningPercent !== undefined && { warningPercent }), ...(restartSeconds !== undefined && { restartSeconds }),
  };
}
