import { expect, test } from '@jest/globals';
import { familiesOf, gateOf, ipamViewOf } from '../../../../agent/endpoints/ipam-view.ts';
import { parseResource, type KindName, type ResourceOfKind } from '../../../../config/kinds/kinds.ts';
import type { ClusterSnapshot } from '../../../../config/translate/snapshot.ts';
import { ip, prefix } from '../../../../lib/ip/text.ts';
import { hostPrefix } from '../../../../lib/ip/prefix.ts';

function make<K extends KindName>(kind: K, name: string, spec: object, created = '2026-01-01T00:00:00Z'): ResourceOfKind<K> {
  const { value, problems } = parseResource(kind, { metadata: { name, creationTimestamp: created }, spec });
  expect(problems).toEqual([]);
  return value!;
}

function cluster(parts: Partial<ClusterSnapshot>): ClusterSnapshot {
  const none = new Map();
  return {
    Node: none, IPPool: none, BGPConfiguration: none, BGPPeer: none, BlockAffinity: none, FelixConfiguration: none,
    IPAMConfiguration: none, IPReservation: none, ClusterInformation: none,
    Service: none, EndpointSlice: none, Workload: none, BGPFilter: none, Secret: none, problems: [], ...parts,
  };
}

test('pools that cannot be used are closed, each with its reason', () => {
  const pools = [
    make('IPPool', 'good', { cidr: '10.0.0.0/16' }), make('IPPool', 'late', { cidr: '10.0.1.0/24' }, '2026-02-01T00:00:00Z'),
    make('IPPool', 'off', { cidr: '10.1.0.0/16', disabled: true }), make('IPPool', 'tunnel', { cidr: '10.2.0.0/16', ipipMode: 'Always' }),
    make('IPPool', 'six', { cidr: 'fd00::/64' }),
  ];
  const view = ipamViewOf(cluster({ IPPool: new Map(pools.map((p) => [p.metadata.name, p])) }), 'n1');
  expect(view.pools.map((p) => [p.name, p.closed])).toEqual([
    ['good', ''], ['late', 'it overlaps an older pool'], ['off', 'it is disabled'], ['tunnel', 'its encapsulation is not built yet'], ['six', ''],
  ]);
  expect(familiesOf(view)).toEqual(['ipv4', 'ipv6']);
  expect(familiesOf({ pools: view.pools.filter((p) => p.name === 'off') })).toEqual([]);
});

test('settings, reservations and labels are the cluster\'s', () => {
  const view = ipamViewOf(cluster({
    IPAMConfiguration: new Map([['default', make('IPAMConfiguration', 'default', { strictAffinity: true, autoAllocateBlocks: false, maxBlocksPerHost: 3 })]]),
    IPReservation: new Map([['r', make('IPReservation', 'r', { reservedCIDRs: ['10.0.0.0/30', '10.0.0.9'] })]]),
    Node: new Map([['n1', { name: 'n1', labels: { zone: 'a' }, podCidrs: [], actions: {} }]]),
  }), 'n1');
  expect(view).toMatchObject({
    settings: { autoAllocateBlocks: false, maxBlocksPerHost: 3, cooldownSeconds: 0 }, nodeLabels: { zone: 'a' },
    reserved: [prefix('10.0.0.0/30'), hostPrefix(ip('10.0.0.9'))],
  });
});

test('a locked datastore closes the gate; no ClusterInformation opens it', () => {
  const locked = new Map([['default', make('ClusterInformation', 'default', { datastoreReady: false })]]);
  expect([gateOf(cluster({}), true), gateOf(cluster({}), false), gateOf(cluster({ ClusterInformation: locked }), true)]).toEqual([
    '', 'the cluster has not been read yet', 'the datastore is locked (ClusterInformation default: datastoreReady is false)',
  ]);
});
