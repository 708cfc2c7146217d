import { expect, test } from '@jest/globals';
import { speakerConfigFor } from '../../../../config/translate/speaker.ts';
import { showProblem } from '../../../../lib/errors.ts';
import { cluster, node, type Written } from '../../../support/cluster-builders.ts';

const A = node('a', { v4: '10.0.0.1/24', v6: 'fd00::1/64', labels: { rack: 'one' } });
const peer = (name: string, spec: object): Written => ({ kind: 'BGPPeer', name, spec: { peerIP: '192.0.2.1', asNumber: 65001, reachableBy: '10.0.0.254', ...spec } });

const route = (prefix: string, via: string) => ({ prefix, via });
const CASES: readonly (readonly [string, readonly Written[], readonly object[] | undefined, readonly string[]])[] = [
  ['a host route to the peer', [peer('t', {})], [route('192.0.2.1/32', '10.0.0.254')], []],
  ['IPv6', [peer('t', { peerIP: '2001:db8::1', reachableBy: 'fd00::fe' })], [route('2001:db8::1/128', 'fd00::fe')], []],
  ['the port is no part of the address', [peer('t', { peerIP: '192.0.2.1:1790' })], [route('192.0.2.1/32', '10.0.0.254')], []],
  ['without a gateway', [peer('t', { reachableBy: undefined })], undefined, []],
  ['empty is none', [peer('t', { reachableBy: '' })], undefined, []],
  ['on nodes that have the peer', [peer('t', { nodeSelector: "rack == 'one'" })], [route('192.0.2.1/32', '10.0.0.254')], []],
  ['and on no others', [peer('t', { nodeSelector: "rack == 'two'" })], undefined, []],
  ['nor where another node is named', [peer('t', { node: 'b' })], undefined, ['BGPPeer/t.spec.node: "b" is not a node of this cluster: expected the name of one']],
  ['two peers, in order', [peer('u', { peerIP: '192.0.2.2', reachableBy: '10.0.0.253' }), peer('t', {})],
    [route('192.0.2.1/32', '10.0.0.254'), route('192.0.2.2/32', '10.0.0.253')], []],
  ['the other family', [peer('t', { reachableBy: 'fd00::fe' })], undefined, [
    'BGPPeer/t.spec.reachableBy: fd00::fe is of the other address family than 192.0.2.1: expected the address of a router on a network of this node; there is no route to the peer through it']],
  ['the peer itself', [peer('t', { reachableBy: '192.0.2.1' })], undefined, [
    'BGPPeer/t.spec.reachableBy: 192.0.2.1 is the peer itself: expected the address of a router on a network of this node; there is no route to the peer through it']],
  ['the node itself', [peer('t', { reachableBy: '10.0.0.1' })], undefined, [
    'BGPPeer/t.spec.reachableBy: 10.0.0.1 is the address of this node: expected the address of a router on a network of this node; there is no route to the peer through it']],
  ['no router has such an address', [peer('t', { reachableBy: '224.0.0.1' })], undefined, [expect.stringContaining('BGPPeer/t.spec.reachableBy: 224.0.0.1 is ') as unknown as string]],
];

test.each(CASES)('%s', (_name, peers, statics, said) => {
  const { value, problems } = speakerConfigFor(cluster([A], peers), 'a');
  expect(value?.originate.statics).toEqual(statics);
  expect(problems.map(showProblem)).toEqual(said);
});

test('of two gateways of one peer the one counts whose BGPPeer makes the session', () => {
  const { value, problems } = speakerConfigFor(cluster([A], [peer('global', { reachableBy: '10.0.0.253' }), peer('a-first', { node: 'a' })]), 'a');
  expect(value?.originate.statics).toEqual([route('192.0.2.1/32', '10.0.0.253')]);
  expect(problems.map(showProblem)).toContain('BGPPeer/a-first.spec.reachableBy: 192.0.2.1 is reached by 10.0.0.253 already: expected one gateway for each peer; this one is not used');
});
