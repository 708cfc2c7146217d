/** What a request's path means: discovery, a collection, an object, a subresource. */

export interface ResourcePath {
  readonly kind: 'resource';
  readonly group: string;
  readonly version: string;
  readonly namespace: string | undefined;
  readonly plural: string;
  readonly name: string | undefined;
  readonly subresource: string | undefined;
  /** What follows a `proxy` subresource, with its slash: `/healthz`. */
  readonly rest: string;
}

export type Route =
  | ResourcePath
  | { readonly kind: 'health' | 'version' | 'api' | 'apis' | 'openapi2' | 'openapi3' | 'unknown' }
  | { readonly kind: 'group'; readonly group: string }
  | { readonly kind: 'groupVersion' | 'openapi3Group'; readonly group: string; readonly version: string };

const HEALTH: ReadonlySet<string> = new Set(['healthz', 'readyz', 'livez']);
const UNKNOWN: Route = { kind: 'unknown' };

/** Never throws; a path with a bad escape is unknown. */
export function routeOf(path: string): Route {
  const segments = path.split('/').slice(1);
  if (segments.at(-1) === '' && segments.length > 1 && !segments.includes('proxy')) segments.pop();
  const [first = ''] = segments;
  if (HEALTH.has(first)) return segments.length === 1 ? { kind: 'health' } : UNKNOWN;
  switch (first) {
    case 'version': return segments.length === 1 ? { kind: 'version' } : UNKNOWN;
    case 'openapi': return openapiRoute(segments);
    case 'api': return segments.length === 1 ? { kind: 'api' } : versionRoute('', segments.slice(1));
    case 'apis': {
      if (segments.length === 1) return { kind: 'apis' };
      if (segments.length === 2) return { kind: 'group', group: segments[1]! };
      return versionRoute(segments[1]!, segments.slice(2));
    }
    default: return UNKNOWN;
  }
}

function openapiRoute(segments: readonly string[]): Route {
  const [, edition, root, a, b] = segments;
  if (edition === 'v2' && segments.length === 2) return { kind: 'openapi2' };
  if (edition !== 'v3') return UNKNOWN;
  if (segments.length === 2) return { kind: 'openapi3' };
  if (root === 'api' && a !== undefined && segments.length === 4) return { kind: 'openapi3Group', group: '', version: a };
  if (root === 'apis' && a !== undefined && b !== undefined && segments.length === 5) return { kind: 'openapi3Group', group: a, version: b };
  return UNKNOWN;
}

function versionRoute(group: string, segments: readonly string[]): Route {
  const [version = '', ...rest] = segments;
  if (rest.length === 0) return { kind: 'groupVersion', group, version };
  // Below a namespace, except for the namespace object itself and its subresources.
  if (rest[0] === 'namespaces' && rest.length >= 3 && !(group === '' && (rest[2] === 'status' || rest[2] === 'finalize') && rest.length === 3)) {
    return resource(group, version, rest[1], rest.slice(2));
  }
  return resource(group, version, undefined, rest);
}

function resource(group: string, version: string, namespace: string | undefined, segments: readonly string[]): Route {
  const decoded = segments.slice(0, 3).map(decode);
  const [plural, name, subresource] = decoded;
  const space = namespace === undefined ? undefined : decode(namespace);
  if (plural === undefined || plural === '' || decoded.includes(BAD) || space === BAD || (segments.length > 3 && subresource !== 'proxy')) return UNKNOWN;
  const rest = segments.length > 3 ? `/${segments.slice(3).join('/')}` : '';
  return { kind: 'resource', group, version, namespace: space, plural, name, subresource, rest };
}

/** What no decoded segment can be. */
const BAD = '\0';

function decode(segment: string): string {
  if (!segment.includes('%')) return segment;
  if (!/^(?:[^%]|%[0-9A-Fa-f]{2})*$/.test(segment) || /%00/.test(segment)) return BAD;
  try {
    return decodeURIComponent(segment);
  } catch {
    return BAD;
  }
}
