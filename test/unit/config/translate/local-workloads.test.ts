import { expect, test } from '@jest/globals';
import { readWorkload } from '../../../../config/kinds/workload.ts';
import type { PeerConfig } from '../../../../config/messages/speaker-config.ts';
import { peeringLinks } from '../../../../config/translate/local-workloads.ts';
import { speakerConfigFor } from '../../../../config/translate/speaker.ts';
import type { ClusterSnapshot } from '../../../../config/translate/snapshot.ts';
import { showProblem } from '../../../../lib/errors.ts';
import { showIp } from '../../../../lib/ip/text.ts';
import { cluster, node, type Written } from '../../../support/cluster-builders.ts';
import { withPods, type WrittenPod } from '../../../support/service-builders.ts';

const A = node('a', { v4: '10.0.0.1/24', v6: 'fd00::1/64', labels: { rack: 'one' } });
const ONLY4 = node('a', { v4: '10.0.0.1/24' });
const PODS: readonly WrittenPod[] = [
  { name: 'router', labels: { app: 'router' }, ips: '10.244.0.5/32,fd00:244::5/128', account: 'speaker' },
  { name: 'router', namespace: 'other', labels: { app: 'router' }, ips: '10.244.0.6/32' },
  { name: 'web', labels: { app: 'web' }, ips: '10.244.0.7/32' },
];
const peer = (spec: object, name = 'w'): Written => ({ kind: 'BGPPeer', name, spec: { localWorkloadSelector: "app == 'router'", asNumber: 65001, ...spec } });
const settings = (spec: object): Written => ({ kind: 'BGPConfiguration', name: 'default', spec });
const of = (resources: readonly Written[], self = A, pods = PODS): ClusterSnapshot => withPods(cluster([self], resources), pods);
const sessions = (snapshot: ClusterSnapshot): readonly PeerConfig[] => speakerConfigFor(snapshot, 'a').value!.peers.peers;

const [R4, R6, O4] = ['Local_Workload_10_244_0_5', 'Local_Workload_fd00_244__5', 'Local_Workload_10_244_0_6'];
test.each([
  ['by label, each address', {}, [R4, O4, R6]],
  ['by namespace', { localWorkloadSelector: "projectcalico.org/namespace == 'other'" }, [O4]],
  ['by service account', { localWorkloadSelector: "projectcalico.org/serviceaccount == 'speaker'" }, [R4, R6]],
  ['by orchestrator', { localWorkloadSelector: "projectcalico.org/orchestrator == 'k8s' && app == 'web'" }, ['Local_Workload_10_244_0_7']],
  ['on the nodes of the peering', { nodeSelector: "rack == 'one'" }, [R4, O4, R6]],
  ['on no others', { nodeSelector: "rack == 'two'" }, []],
])('pods are selected %s', (_name, spec, names) => {
  expect(sessions(of([peer(spec)])).map((p) => p.name).sort()).toEqual([...names].sort());
});

test('the session waits for the pod, from any address of ours, as its BGPPeer is written', () => {
  const [session] = sessions(of([peer({ localWorkloadSelector: "app == 'web'", localASNumber: 65010, maxRestartTime: '30s', numAllowedLocalASNumbers: 1 })]));
  expect(session).toMatchObject({
    name: 'Local_Workload_10_244_0_7', origin: 'global', address: '10.244.0.7', port: 179, asn: 65001, localAsn: 65010, passive: true, behindUs: true,
    families: ['ipv4'], restartTimeSeconds: 30, allowLocalAs: 1, exportFilters: ['export'],
  });
  expect(session).not.toHaveProperty('sourceAddress');
});

test('only families of the node; a pod that two BGPPeers select is one peer, of the one for all nodes', () => {
  expect(sessions(of([peer({})], ONLY4)).map((p) => p.name).sort()).toEqual([R4, O4]);
  const both = of([peer({ node: 'a', asNumber: 65002 }, 'a-own'), peer({}, 'global')]);
  expect(sessions(both).map((p) => p.asn)).toEqual([65001, 65001, 65001]);
  expect(speakerConfigFor(both, 'a').problems).toEqual([]);
});

const peering = settings({ localWorkloadPeeringIPV4: '169.254.20.1', localWorkloadPeeringIPV6: 'fd00:20::1' });
const linksOf = (snapshot: ClusterSnapshot): string[] => peeringLinks(snapshot, 'a').map((l) => `${l.namespace}/${l.pod} ${l.containerId} ${l.addresses.map(showIp).join(' ')}`);

test.each<readonly [string, readonly Written[], readonly string[]]>([
  ['each selected pod has those of its families', [peering, peer({})], ['default/router c1 169.254.20.1 fd00:20::1', 'other/router c1 169.254.20.1']],
  ['once, however many select it', [peering, peer({}), peer({ node: 'a' }, 'x')], ['default/router c1 169.254.20.1 fd00:20::1', 'other/router c1 169.254.20.1']],
  ['one family alone', [settings({ localWorkloadPeeringIPV6: 'fd00:20::1' }), peer({ localWorkloadSelector: "projectcalico.org/namespace == 'default' && app == 'router'" })], ['default/router c1 fd00:20::1']],
  ['none without addresses', [peer({})], []],
  ['none without a peering', [peering], []],
  ['none of a peering of other nodes', [peering, peer({ node: 'b' })], []],
])('addresses on links: %s', (_name, resources, expected) => { expect(linksOf(of(resources))).toEqual(expected); });

test('where they could not be heard it is said', () => {
  const said = speakerConfigFor(of([settings({ bindMode: 'NodeIP', localWorkloadPeeringIPV4: '10.0.0.1' }), peer({})]), 'a').problems.map(showProblem);
  expect(said).toEqual([
    expect.stringContaining('BGPConfiguration/default.spec.bindMode: NodeIP listens on the address of the node alone'),
    expect.stringContaining('BGPConfiguration/default.spec.localWorkloadPeeringIPV4: 10.0.0.1 is the address of this node'),
  ]);
  expect(speakerConfigFor(of([settings({ bindMode: 'NodeIP' })]), 'a').problems).toEqual([]);
});

const PODS_ALONE: readonly (readonly [string, object, readonly string[] | undefined])[] = [
  ['as annotated', { metadata: { annotations: { 'cni.projectcalico.org/podIPs': '10.1.0.1/32,fd00::1/128' } } }, ['10.1.0.1', 'fd00::1']],
  ['by the older annotation', { metadata: { annotations: { 'cni.projectcalico.org/podIP': '10.1.0.1/32' } } }, ['10.1.0.1']],
  ['taken off the network', { metadata: { annotations: { 'cni.projectcalico.org/podIPs': '' } }, status: { podIPs: [{ ip: '10.1.0.1' }] } }, undefined],
  ['as the kubelet says', { status: { podIPs: [{ ip: '10.1.0.1' }, { ip: 'fd00::1' }] } }, ['10.1.0.1', 'fd00::1']],
  ['of the node\'s network', { spec: { hostNetwork: true }, status: { podIPs: [{ ip: '10.1.0.1' }] } }, undefined],
  ['ended', { status: { phase: 'Succeeded', podIPs: [{ ip: '10.1.0.1' }] } }, undefined],
  ['ended badly', { status: { phase: 'Failed', podIPs: [{ ip: '10.1.0.1' }] } }, undefined],
  ['without a network yet', {}, undefined],
  ['nonsense', { spec: 7, status: { podIPs: [7, { ip: 'x' }] } }, undefined],
];
test.each(PODS_ALONE)('a pod %s', (_name, { metadata, ...rest }: { metadata?: object }, expected) => {
  expect(readWorkload({ metadata: { name: 'p', namespace: 'd', ...metadata }, ...rest })?.addresses.map(showIp)).toEqual(expected);
});
