/** Routes as a table of paths, for `bgp routes`, `bgp received` and `bgp advertised`. */
import type { PathView, RoutesRequest, RoutesResult, RouteView } from '../config/messages/bgpd-control.ts';
import { parseIp, parsePrefix, showPrefix } from '../lib/ip/text.ts';
import { printJson, type NodeAgent } from './bgp-nodes.ts';
import { UsageError } from './errors.ts';
import { plainTable } from './tables.ts';

/** The agent answers no more at once. */
const PAGE = 10_000;
/** Asked for unless `--limit` says another number. */
export const DEFAULT_LIMIT = 1000;
export const LIMIT = ['--limit <number>', `most prefixes to show, 1..9999999 (default: ${DEFAULT_LIMIT})`] as const;

/** Throws UsageError on text that is neither ADDRESS/LENGTH nor an address: no route has a prefix with bits beyond its length. */
export function checkedPrefix(text: string | undefined): string | undefined {
  if (text === undefined || parseIp(text) !== undefined || parsePrefix(text, { strict: true }) !== undefined) return text;
  const meant = parsePrefix(text);
  if (meant !== undefined) throw new UsageError(`${JSON.stringify(text)} has bits beyond its length: expected ${showPrefix(meant)}, or an address alone`);
  throw new UsageError(`${JSON.stringify(text)} is no prefix: expected ADDRESS/LENGTH or an address`);
}

export function checkedLimit(text: string | undefined): number {
  if (text === undefined) return DEFAULT_LIMIT;
  const limit = Number(text);
  if (!/^\d+$/.test(text) || limit < 1 || limit > 9_999_999) throw new UsageError(`limit ${JSON.stringify(text)}: expected 1..9999999`);
  return limit;
}

export async function printRoutes(agent: NodeAgent, request: RoutesRequest, json: boolean): Promise<void> {
  const result = await allPages(agent, request);
  if (json) printJson(result);
  else process.stdout.write(result.routes.length === 0 ? nothingFound(request) : showRoutes(result, request.view ?? 'candidates'));
}

/** With a hint for who expected more: a prefix is asked for as it is, an address for what holds it. */
export function nothingFound({ prefix, longer }: RoutesRequest): string {
  if (prefix === undefined) return 'no routes\n';
  if (!prefix.includes('/')) return `no route to ${prefix}\n`;
  return longer === true ? `no routes inside ${prefix}\n`
    : `no route of just ${prefix}: "bgp routes ${prefix} --longer" shows what lies inside, an address without a length what holds it\n`;
}

/** Asks again for what follows, until there are as many as are wanted. What changes meanwhile may be missing. */
export async function allPages(agent: Pick<NodeAgent, 'routes'>, request: RoutesRequest): Promise<RoutesResult> {
  const limit = request.limit ?? DEFAULT_LIMIT;
  const routes: RouteView[] = [];
  for (let after: string | undefined; ;) {
    const page = await agent.routes({ ...request, limit: Math.min(PAGE, limit - routes.length), ...(after !== undefined && { after }) });
    for (const route of page.routes) routes.push(route);
    after = routes.at(-1)?.prefix;
    if (!page.truncated || routes.length >= limit || after === undefined) return { routes, truncated: page.truncated };
  }
}

/** `>` best, `*` forwards, `s` stale, as in the legend; the prefix stands on its first path alone. */
export function showRoutes({ routes, truncated }: RoutesResult, view: NonNullable<RoutesRequest['view']>): string {
  if (routes.length === 0) return 'no routes\n';
  const isSent = view === 'advertised';
  const rows = routes.flatMap(({ prefix, paths }) => paths.map((path, i) => [
    isSent ? '' : marks(path), i === 0 ? prefix : '', path.peer, path.nextHop, path.asPath, path.origin,
    path.localPref === null ? '-' : String(path.localPref), path.med === null ? '-' : String(path.med),
    [...(path.unsent === true ? [`not sent: ${path.reason}`] : isSent ? [] : [path.reason]), ...more(path)].join('; '),
  ]));
  const head = ['', 'PREFIX', isSent ? 'LEARNED FROM' : 'PEER', 'NEXT HOP', 'AS PATH', 'ORIGIN', 'LOCAL PREF', 'MED', isSent ? 'ATTRIBUTES' : 'DECISION'];
  const columns = isSent ? (row: string[]): string[] => row.slice(1) : (row: string[]): string[] => row;
  const legend = isSent ? '' : '> best, * forwards, s stale\n';
  const rest = truncated ? `there are more than these ${routes.length} prefixes: name a prefix, or use --limit\n` : '';
  return `${plainTable(columns(head), rows.map(columns))}${legend}${rest}`;
}

const marks = ({ best, installed, stale }: PathView): string => `${best ? '>' : ''}${installed ? '*' : ''}${stale ? 's' : ''}`;

/** What only some paths have. */
function more(path: PathView): string[] {
  const list = (name: string, values: readonly string[]): string[] => (values.length === 0 ? [] : [`${name} ${values.join(' ')}`]);
  return [
    ...(path.pathId === null ? [] : [`path ID ${path.pathId}`]),
    ...list('communities', path.communities), ...list('extended', path.extendedCommunities), ...list('large', path.largeCommunities),
    ...(path.originatorId === null ? [] : [`originator ${path.originatorId}`]), ...list('clusters', path.clusterList),
    ...(path.otc === null ? [] : [`only to customer ${path.otc}`]),
  ];
}
