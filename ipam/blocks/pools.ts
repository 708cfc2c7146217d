/** Which pools a pod may get its address from; and of each that it may not, why. */
import type { IPPool } from '../../config/kinds/ip-pool.ts';
import { familyOf, type Family, type Prefix } from '../../lib/ip/prefix.ts';
import { parsePrefix, showPrefix } from '../../lib/ip/text.ts';
import { matches, type Labels } from '../../lib/selector/ast.ts';
import { parseSelector } from '../../lib/selector/parse.ts';

/** What allocation needs to know of an IPPool. */
export interface Pool {
  readonly name: string;
  readonly cidr: Prefix;
  /** Prefix length of its blocks. */
  readonly blockSize: number;
  /** Empty, or why it gives no addresses to anybody now: disabled, being deleted, not allocatable. */
  readonly closed: string;
  readonly forWorkloads: boolean;
  /** False: given only to those who ask for it by name. */
  readonly automatic: boolean;
  readonly nodeSelector: string;
  readonly namespaceSelector: string;
}

/** Undefined when the CIDR cannot be read. */
export function poolOf(resource: IPPool): Pool | undefined {
  const { metadata, spec, status } = resource;
  const cidr = parsePrefix(spec.cidr);
  if (cidr === undefined) return undefined;
  const refused = status?.conditions?.find((c) => c.type === 'Allocatable' && c.status === 'False');
  return {
    name: metadata.name,
    cidr,
    blockSize: spec.blockSize,
    closed: metadata.deletionTimestamp !== undefined ? 'it is being deleted'
      : spec.disabled === true ? 'it is disabled'
        : refused !== undefined ? `it is not allocatable: ${refused.reason}` : '',
    forWorkloads: spec.allowedUses.includes('Workload'),
    automatic: spec.assignmentMode === 'Automatic',
    nodeSelector: spec.nodeSelector,
    namespaceSelector: spec.namespaceSelector ?? '',
  };
}

/** Who asks. */
export interface PoolRequest {
  readonly family: Family;
  readonly node: string;
  readonly nodeLabels: Labels;
  readonly namespaceLabels: Labels;
  /** Names or CIDRs of pools, in order of preference; empty: those whose selectors match. */
  readonly pools: readonly string[];
}

/** A pool, or what was asked for as one, and why it gives no address. */
export interface Rejection { readonly pool: string; readonly why: string }

export interface Judgement { readonly usable: readonly Pool[]; readonly rejections: readonly Rejection[] }

/** Splits the pools. Those asked for keep the order they were asked in, the others that of their names. */
export function judgePools(pools: readonly Pool[], request: PoolRequest): Judgement {
  return request.pools.length === 0 ? judgeAll(pools, request) : judgeAsked(pools, request);
}

function judgeAll(pools: readonly Pool[], request: PoolRequest): Judgement {
  const usable: Pool[] = [];
  const rejections: Rejection[] = [];
  for (const pool of pools.toSorted((a, b) => (a.name < b.name ? -1 : 1))) {
    if (familyOf(pool.cidr) !== request.family) continue;
    const why = pool.closed || reasonAgainst(pool) || reasonOfSelectors(pool, request);
    if (why === '') usable.push(pool); else rejections.push({ pool: labelOf(pool), why });
  }
  return { usable, rejections };
}

/** Pools asked for by name or CIDR: selectors and manual assignment do not matter, the rest does. */
function judgeAsked(pools: readonly Pool[], request: PoolRequest): Judgement {
  const usable: Pool[] = [];
  const rejections: Rejection[] = [];
  for (const asked of request.pools) {
    const cidr = parsePrefix(asked);
    const pool = pools.find((p) => p.name === asked || (cidr !== undefined && p.cidr === cidr));
    if (pool === undefined) { rejections.push({ pool: asked, why: 'there is no such pool' }); continue; }
    const why = pool.closed || (familyOf(pool.cidr) === request.family ? '' : `it has no ${familyName(request.family)} addresses`) || usesReason(pool);
    if (why === '') usable.push(pool); else rejections.push({ pool: labelOf(pool), why });
  }
  return { usable, rejections };
}

export const labelOf = (pool: Pool): string => `${pool.name} (${showPrefix(pool.cidr)})`;
export const familyName = (family: Family): string => (family === 'ipv4' ? 'IPv4' : 'IPv6');

const usesReason = (pool: Pool): string => (pool.forWorkloads ? '' : 'allowedUses does not hold Workload');

const reasonAgainst = (pool: Pool): string =>
  (pool.automatic ? usesReason(pool) : 'assignmentMode is Manual and nobody asked for it by name');

function reasonOfSelectors(pool: Pool, request: PoolRequest): string {
  if (!selects(pool.nodeSelector, request.nodeLabels)) return `nodeSelector ${pool.nodeSelector} does not select node ${request.node}`;
  if (!selects(pool.namespaceSelector, request.namespaceLabels)) return `namespaceSelector ${pool.namespaceSelector} does not select the pod's namespace`;
  return '';
}

/** Empty selects all. One that cannot be parsed selects nothing. */
function selects(selector: string, labels: Labels): boolean {
  if (selector === '') return true;
  const parsed = parseSelector(selector);
  return parsed.ok && matches(parsed.selector, labels);
}
