/** The scalars that Calico's kinds share: AS numbers, addresses, prefixes, selectors, durations. */
import { familyOf, type Family } from '../../lib/ip/prefix.ts';
import { parseIp, parsePrefix } from '../../lib/ip/text.ts';
import { parseSelector } from '../../lib/selector/parse.ts';
import { choice, defined, integer, required, schema, shown, text, unlike, withDefault, type Optional, bool } from './schema.ts';
import { list, mapOf, object } from './structure.ts';

export const MAX_ASN = 4_294_967_295;
/** Largest route metric that Calico hands out. */
export const MAX_PRIORITY = 2_147_483_646;

/**
 * An AS number, 1..4294967295 (RFC 6793), also as `"64512"` or dotted `"1.10"` (RFC 5396).
 * The CRD says int64: Calico's int32 makes the API server refuse every number above 2147483647.
 */
export const asNumber = integer({ noun: 'an AS number', minimum: 1, maximum: MAX_ASN, format: 'int64', convert: asNumberOf });

function asNumberOf(input: unknown): number | undefined {
  if (typeof input !== 'string') return undefined;
  const dotted = /^(\d{1,5})\.(\d{1,5})$/.exec(input);
  if (dotted) {
    const [high, low] = [Number(dotted[1]), Number(dotted[2])];
    return high > 65535 || low > 65535 ? undefined : high * 65536 + low;
  }
  return /^\d{1,10}$/.test(input) ? Number(input) : undefined;
}

export const routePriority = integer({ noun: 'a route priority', minimum: 1, maximum: MAX_PRIORITY });

/** An IPv4 or IPv6 address. Empty text is read as absent by who uses it, as Calico does. */
export function ipAddress(family?: Family, maxLength?: number): Optional<string> {
  const expected = family === undefined ? 'an IPv4 or IPv6 address' : family === 'ipv4' ? 'an IPv4 address' : 'an IPv6 address';
  return text({
    noun: 'an IP address', expected, ...(maxLength === undefined ? {} : { maxLength }),
    check: (t) => t === '' || isIp(t, family),
  });
}

const isIp = (t: string, family: Family | undefined): boolean => {
  const address = parseIp(t);
  return address !== undefined && (family === undefined || familyOf(address) === family);
};

export interface CidrOptions {
  readonly family?: Family;
  readonly maxLength?: number;
  /** The CRD says `format: cidr`. */
  readonly format?: boolean;
  /** A lone address is understood as its /32 or /128. */
  readonly orAddress?: boolean;
}

/** A prefix as text. Host bits are allowed here: where they are not, a rule says so. */
export function cidr(options: CidrOptions = {}): Optional<string> {
  const example = options.family === 'ipv6' ? 'fd00:10::/64' : '10.0.0.0/16';
  return text({
    noun: 'an IP prefix', expected: `text like ${example}`,
    ...(options.maxLength === undefined ? {} : { maxLength: options.maxLength }),
    ...(options.format === false ? {} : { format: 'cidr' }),
    check: (t) => {
      const found = parsePrefix(t);
      if (found === undefined) return options.orAddress === true && isIp(t, options.family);
      return options.family === undefined || familyOf(found) === options.family;
    },
  });
}

/** True when no bit stands right of the mask. Text that is no prefix is not strictly masked. */
export const isStrictlyMasked = (t: string): boolean => parsePrefix(t, { strict: true }) !== undefined;

/** A selector of Calico's language, at most 1,024 characters. `maxLength: undefined` for fields that state none. */
export function selector(options: { readonly stated?: boolean } = {}): Optional<string> {
  const maxLength = 1024;
  return {
    ...schema<string>((input, path, problems) => {
      const parsed = typeof input === 'string' && input.length <= maxLength ? parseSelector(input) : undefined;
      if (parsed?.ok === true) return input as string;
      const message = parsed === undefined
        ? unlike(input, 'a selector', `text of at most ${maxLength} characters`) : `${shown(input)} is not a selector: ${parsed.message}`;
      problems.push({ path, message });
      return undefined;
    }, defined({ type: 'string', maxLength: options.stated === false ? undefined : maxLength }), 'a selector'),
  };
}

const DURATION = /^([+-]?)((?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|µs|ms|s|m|h))+$/;
const UNIT_SECONDS: Readonly<Record<string, number>> = { ns: 1e-9, us: 1e-6, 'µs': 1e-6, ms: 1e-3, s: 1, m: 60, h: 3600 };

/** Seconds of a Go duration such as `1m30s`; undefined when the text is none. */
export function secondsOf(duration: string): number | undefined {
  if (duration === '0') return 0;
  if (!DURATION.test(duration)) return undefined;
  const parts = duration.matchAll(/(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)/g);
  const total = parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * UNIT_SECONDS[unit!]!, 0);
  return duration.startsWith('-') ? -total : total;
}

/** A span of time as Go writes it. `pattern` is what the CRD states, if anything. */
export const duration = (pattern?: string): Optional<string> => text({
  noun: 'a duration', expected: 'text like 30s, 1m30s or 2h', ...(pattern === undefined ? {} : { pattern }),
  check: (t) => t === '' || (secondsOf(t) ?? -1) >= 0,
});

/** FelixConfiguration's durations. Calico's own pattern doubles a backslash and so refuses fractions (`1.5s`). */
export const FELIX_DURATION = '^([0-9]+(\\.[0-9]+)?(ms|s|m|h))*$';

/** An integer or any text, for fields whose meaning is not ours. */
export const integerOrText: Optional<number | string> = schema<number | string>((input, path, problems) => {
  if (typeof input === 'string' || Number.isSafeInteger(input)) return input as number | string;
  problems.push({ path, message: unlike(input, 'a number or text', 'an integer or a string') });
  return undefined;
}, { anyOf: [{ type: 'integer' }, { type: 'string' }], pattern: '^.*', 'x-kubernetes-int-or-string': true }, 'an integer or a string');

export const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;
/** An instant, RFC 3339. */
export const timestamp = text({
  noun: 'a time', expected: 'text like 2026-01-31T12:00:00Z', format: 'date-time', check: (t) => TIMESTAMP.test(t),
});

/** One key of one Secret. */
export const secretKeyRef = object({
  secretKeyRef: object({ key: required(text()), name: withDefault(text(), ''), optional: bool }, { atomic: true }),
});

/** `metav1.Condition`. */
export const conditions = list(object({
  type: required(text({ maxLength: 316, pattern: '^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])$' })),
  status: required(choice('a condition status', ['True', 'False', 'Unknown'])),
  reason: required(text({ minLength: 1, maxLength: 1024, pattern: '^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$' })),
  message: required(text({ maxLength: 32768 })),
  lastTransitionTime: required(timestamp),
  observedGeneration: integer({ format: 'int64', minimum: 0 }),
}), { type: 'map', keys: ['type'] });

export const labelMap = mapOf(text());

