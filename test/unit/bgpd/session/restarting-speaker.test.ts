/** The restarting speaker of RFC 4724, told as sentences. */
import { expect, test } from '@jest/globals';
import { beginRestart, stepRestart, type AwaitedPeer, type RestartEffect, type RestartEvent } from '../../../../bgpd/session/restarting-speaker.ts';
import type { GracefulRestartCapability } from '../../../../bgpd/wire/message.ts';
import type { Family } from '../../../../lib/ip/prefix.ts';

const BOTH: readonly Family[] = ['ipv4', 'ipv6'];
const peer = (name: string, families = BOTH, gracefulRestart = true): AwaitedPeer => ({ name, families, gracefulRestart });
const able = (restarted = false): GracefulRestartCapability =>
  ({ restarted, notification: false, restartTimeSeconds: 60, families: BOTH.map((family) => ({ family, forwardingPreserved: true })) });
const up = (name: string, gracefulRestart: GracefulRestartCapability | undefined = able(), families = BOTH): RestartEvent =>
  ({ type: 'sessionUp', peer: name, negotiated: { families, gracefulRestart } });
const eor = (name: string, family: Family): RestartEvent => ({ type: 'endOfRib', peer: name, family });

const say = (e: RestartEffect): string =>
  e.type === 'select' || e.type === 'release' ? `${e.type} ${e.families.join()}` : e.type === 'arm' ? `deferral ${e.seconds}` : 'no deferral';

function after(peers: AwaitedPeer[], ...events: RestartEvent[]): string[] {
  let [speaker, effects] = beginRestart(peers, 60);
  for (const event of events) [speaker, effects] = stepRestart(speaker, event);
  return effects.map(say);
}

test('without peers everything is selected at once', () => {
  expect(after([])).toEqual(['deferral 60', 'select ipv4,ipv6', 'release ipv4,ipv6', 'no deferral']);
});

test('a family without peers is selected at once, the other waits', () => {
  expect(after([peer('a', ['ipv4'])])).toEqual(['deferral 60', 'select ipv6', 'release ipv6']);
});

test('selection waits for End-of-RIB of every peer, family by family', () => {
  const peers = [peer('a'), peer('b')];
  expect(after(peers, up('a'), up('b'), eor('a', 'ipv4'))).toEqual([]);
  expect(after(peers, up('a'), up('b'), eor('a', 'ipv4'), eor('b', 'ipv4'))).toEqual(['select ipv4', 'release ipv4']);
  expect(after(peers, up('a'), up('b'), eor('a', 'ipv4'), eor('b', 'ipv4'), eor('b', 'ipv6'), eor('a', 'ipv6'))).toEqual(['select ipv6', 'release ipv6', 'no deferral']);
});

test('a configured peer that is not up yet is waited for', () => {
  expect(after([peer('a'), peer('b')], up('a'), eor('a', 'ipv4'), eor('a', 'ipv6'))).toEqual([]);
});

test('a peer that restarted as well is not waited for: it waits for us; but kernel routes that may be its stay until it is through', () => {
  const peers = [peer('a'), peer('b')];
  expect(after([peer('a')], up('a', able(true)))).toEqual(['select ipv4,ipv6']);
  expect(after([peer('a')], up('a', able(true)), eor('a', 'ipv6'))).toEqual(['release ipv6']);
  expect(after([peer('a')], up('a', able(true)), eor('a', 'ipv6'), eor('a', 'ipv4'))).toEqual(['release ipv4', 'no deferral']);
  expect(after(peers, up('a', able(true)), up('b'), eor('b', 'ipv4'))).toEqual(['select ipv4']);
  expect(after(peers, up('a', able(true)), up('b'), eor('a', 'ipv4'), eor('b', 'ipv4'))).toEqual(['select ipv4', 'release ipv4']);
  expect(after([peer('a')], up('a', able(true)), { type: 'expired', timer: 'deferral' })).toEqual(['release ipv4,ipv6', 'no deferral']);
  expect(after([peer('a')], up('a', able(true)), { type: 'configured', peers: [] })).toEqual(['release ipv4,ipv6', 'no deferral']);
  expect(after([peer('a')], up('a', able(true)), up('a', undefined))).toEqual(['release ipv4,ipv6', 'no deferral']);
});

test('a peer without graceful restart is not waited for, be it by configuration or by its OPEN', () => {
  expect(after([peer('a', BOTH, false)])).toEqual(['deferral 60', 'select ipv4,ipv6', 'release ipv4,ipv6', 'no deferral']);
  const [speaker] = beginRestart([peer('a')], 60);
  expect(stepRestart(speaker, { type: 'sessionUp', peer: 'a', negotiated: { families: BOTH, gracefulRestart: undefined } })[1].map(say))
    .toEqual(['select ipv4,ipv6', 'release ipv4,ipv6', 'no deferral']);
});

test('a family that the session does not carry is not waited for', () => {
  expect(after([peer('a')], up('a', able(), ['ipv4']))).toEqual(['select ipv6', 'release ipv6']);
});

test('the deferral timer ends all waiting', () => {
  expect(after([peer('a')], { type: 'expired', timer: 'deferral' })).toEqual(['select ipv4,ipv6', 'release ipv4,ipv6', 'no deferral']);
  expect(after([peer('a')], up('a'), eor('a', 'ipv4'), { type: 'expired', timer: 'deferral' })).toEqual(['select ipv6', 'release ipv6', 'no deferral']);
});

test('a peer that is removed from the configuration is no longer waited for', () => {
  expect(after([peer('a'), peer('b')], up('a'), eor('a', 'ipv4'), eor('a', 'ipv6'), { type: 'configured', peers: [peer('a')] }))
    .toEqual(['select ipv4,ipv6', 'release ipv4,ipv6', 'no deferral']);
});

test('a peer that is added meanwhile is waited for, one that was through stays so', () => {
  const added: RestartEvent = { type: 'configured', peers: [peer('a'), peer('c')] };
  expect(after([peer('a'), peer('b')], eor('a', 'ipv4'), added, eor('c', 'ipv4'))).toEqual(['select ipv4', 'release ipv4']);
});

test('what comes after the selection changes nothing', () => {
  const done: RestartEvent = { type: 'expired', timer: 'deferral' };
  for (const late of [done, up('a'), eor('a', 'ipv4'), { type: 'configured', peers: [peer('z')] } as const]) {
    expect(after([peer('a')], done, late)).toEqual([]);
  }
});
