/** BGPFilter: rules over routes received from and sent to a peer. */
import { choice, integer, required, text } from '../schema/schema.ts';
import { asNumber, cidr, routePriority } from '../schema/scalars.ts';
import { list, object, type Rule } from '../schema/structure.ts';
import { kind, type ResourceOf } from './kind.ts';

const U16 = '([0-9]|[1-9][0-9]{1,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])';
const U32 = '([0-9]|[1-9][0-9]{1,8}|[1-3][0-9]{9}|4[0-1][0-9]{8}|42[0-8][0-9]{7}|429[0-3][0-9]{6}|4294[0-8][0-9]{5}'
  + '|42949[0-5][0-9]{4}|429496[0-6][0-9]{3}|4294967[0-1][0-9]{2}|42949672[0-8][0-9]|429496729[0-5])';
/** A standard community (RFC 1997) or a large one (RFC 8092), each part within its range. */
const community = text({
  noun: 'a community', expected: 'text like 64512:100 or 64512:1:2', maxLength: 32, pattern: `^(${U16}:${U16}|${U32}:${U32}:${U32})$`,
});

const operation = object({
  addCommunity: object({ value: required(community) }, { atomic: true }),
  prependASPath: object({ prefix: required(list(asNumber, { type: 'atomic', minItems: 1, maxItems: 10 })) }, { atomic: true }),
  setPriority: object({ value: required(routePriority) }, { atomic: true }),
}, { atomic: true, minProperties: 1, maxProperties: 1 });

interface RuleFields {
  readonly cidr?: string; readonly matchOperator?: string; readonly prefixLength?: object;
  readonly operations?: readonly unknown[]; readonly action: string;
}

const rules: readonly Rule<RuleFields>[] = [
  { at: 'matchOperator', reason: 'FieldValueInvalid', message: 'cidr and matchOperator go together: expected both or neither',
    cel: "(has(self.cidr) && self.cidr != '') == (has(self.matchOperator) && size(self.matchOperator) > 0)",
    holds: (r) => ((r.cidr ?? '') !== '') === (r.matchOperator !== undefined) },
  { at: 'prefixLength', reason: 'FieldValueInvalid', message: 'a length without a prefix: expected cidr beside prefixLength',
    cel: "!has(self.prefixLength) || (has(self.cidr) && self.cidr != '')",
    holds: (r) => r.prefixLength === undefined || (r.cidr ?? '') !== '' },
  { at: 'operations', message: 'a rejected route is not changed: expected action Accept beside operations',
    cel: "!has(self.operations) || size(self.operations) == 0 || self.action == 'Accept'",
    holds: (r) => (r.operations?.length ?? 0) === 0 || r.action === 'Accept' },
];

const ruleList = (family: 'ipv4' | 'ipv6', maxLength: number, bits: number) => {
  const length = integer({ noun: 'a prefix length', format: 'int32', minimum: 0, maximum: bits });
  return list(object({
    cidr: cidr({ family, maxLength }),
    matchOperator: choice('a match operator', ['Equal', 'NotEqual', 'In', 'NotIn']),
    prefixLength: object({ min: length, max: length }, { atomic: true }),
    source: choice('a source', ['RemotePeers']),
    interface: text({ maxLength: 15 }),
    peerType: choice('a type of peer', ['eBGP', 'iBGP']),
    communities: object({ values: required(list(community, { type: 'atomic', minItems: 1, maxItems: 1 })) }, { atomic: true }),
    asPathPrefix: list(asNumber, { type: 'atomic' }),
    priority: routePriority,
    action: required(choice('an action', ['Accept', 'Reject'])),
    operations: list(operation, { type: 'atomic', minItems: 1, maxItems: 10 }),
  }, { atomic: true, rules }), { type: 'atomic' });
};

const v4 = ruleList('ipv4', 18, 32);
const v6 = ruleList('ipv6', 43, 128);

export const BGP_FILTER = kind({
  kind: 'BGPFilter', plural: 'bgpfilters', singular: 'bgpfilter',
  spec: object({ exportV4: v4, importV4: v4, exportV6: v6, importV6: v6 }),
});
export type BGPFilter = ResourceOf<typeof BGP_FILTER>;
