/** BGPConfiguration: what the speakers of a cluster have in common (`default`) or one of them its own (`node.NAME`). */
import { bool, choice, integer, looseChoice, text, withDefault } from '../schema/schema.ts';
import { asNumber, cidr, duration, ipAddress, routePriority, secretKeyRef } from '../schema/scalars.ts';
import { list, object, type Rule } from '../schema/structure.ts';
import { kind, type ResourceOf } from './kind.ts';

/** AS number of a cluster that names none. */
export const DEFAULT_ASN = 64512;
export const DEFAULT_BGP_PORT = 179;
export const SEVERITIES = ['Trace', 'Debug', 'Info', 'Warning', 'Error', 'Fatal'] as const;

const COMMUNITY = '^(\\d+):(\\d+)$|^(\\d+):(\\d+):(\\d+)$';
const serviceRanges = list(object({ cidr: cidr() }, { atomic: true }), { type: 'atomic' });

/** Who puts routes of other nodes' pods into the kernel, in this kind and in FelixConfiguration. */
export const programClusterRoutes = choice('a division of work', ['Enabled', 'Disabled', 'EnabledIPIPOnly', 'EnabledNoEncapOnly']);

const fields = {
  logSeverityScreen: withDefault(looseChoice('a severity', SEVERITIES), 'Info'),
  nodeToNodeMeshEnabled: bool,
  asNumber,
  serviceLoadBalancerIPs: serviceRanges,
  serviceExternalIPs: serviceRanges,
  serviceClusterIPs: serviceRanges,
  serviceLoadBalancerAggregation: withDefault(choice('an aggregation', ['Enabled', 'Disabled']), 'Enabled'),
  communities: list(object({
    name: text({ maxLength: 253 }),
    value: text({ noun: 'a community', expected: 'text like 64512:100 or 64512:1:2', maxLength: 40, pattern: COMMUNITY }),
  }, { atomic: true }), { type: 'atomic', maxItems: 500 }),
  prefixAdvertisements: list(object({
    cidr: cidr(), communities: list(text(), { type: 'atomic', maxItems: 50 }),
  }, { atomic: true }), { type: 'atomic', maxItems: 500 }),
  listenPort: integer({ noun: 'a port', minimum: 1, maximum: 65535 }),
  nodeMeshPassword: secretKeyRef,
  nodeMeshMaxRestartTime: duration(),
  bindMode: choice('a bind mode', ['None', 'NodeIP']),
  ignoredInterfaces: list(text(), { type: 'set' }),
  localWorkloadPeeringIPV4: ipAddress('ipv4'),
  localWorkloadPeeringIPV6: ipAddress('ipv6'),
  programClusterRoutes,
  ipv4NormalRoutePriority: routePriority,
  ipv6NormalRoutePriority: routePriority,
};

interface MeshFields {
  readonly nodeToNodeMeshEnabled?: boolean; readonly nodeMeshPassword?: object; readonly nodeMeshMaxRestartTime?: string;
  readonly communities?: readonly unknown[]; readonly prefixAdvertisements?: readonly unknown[];
}

const needsMesh = (at: 'nodeMeshPassword' | 'nodeMeshMaxRestartTime'): Rule<MeshFields> => ({
  at, reason: 'FieldValueForbidden', message: `there is no mesh: expected no ${at} beside nodeToNodeMeshEnabled false`,
  cel: `!has(self.${at}) || !has(self.nodeToNodeMeshEnabled) || self.nodeToNodeMeshEnabled`,
  holds: (c) => c[at] === undefined || c.nodeToNodeMeshEnabled !== false,
});

const rules: readonly Rule<MeshFields>[] = [
  needsMesh('nodeMeshPassword'),
  needsMesh('nodeMeshMaxRestartTime'),
  { at: 'communities', reason: 'FieldValueInvalid', message: 'no prefix carries them: expected prefixAdvertisements beside communities',
    cel: '!has(self.communities) || size(self.communities) == 0 || (has(self.prefixAdvertisements) && size(self.prefixAdvertisements) > 0)',
    holds: (c) => (c.communities?.length ?? 0) === 0 || (c.prefixAdvertisements?.length ?? 0) > 0 },
];

export const BGP_CONFIGURATION = kind({
  kind: 'BGPConfiguration', plural: 'bgpconfigurations', singular: 'bgpconfiguration',
  shortNames: ['bgpconfig', 'bgpconfigs'],
  spec: object(fields, { rules }),
});
export type BGPConfiguration = ResourceOf<typeof BGP_CONFIGURATION>;
