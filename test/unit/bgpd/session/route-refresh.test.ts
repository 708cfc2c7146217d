/** Enhanced route refresh as the receiver, told as sentences. */
import { expect, test } from '@jest/globals';
import { NOT_REFRESHING, stepRefresh, type RefreshEffect, type RefreshEvent } from '../../../../bgpd/session/route-refresh.ts';
import { capabilities, negotiated, restartCapability } from '../../../support/session-builders.ts';
import type { Family } from '../../../../lib/ip/prefix.ts';

const up = (withRestart: boolean): RefreshEvent => ({ type: 'sessionUp', negotiated: negotiated({
  families: ['ipv4', 'ipv6'],
  capabilities: { local: capabilities(), remote: capabilities(withRestart ? { gracefulRestart: restartCapability() } : {}) },
}) });
const on = (type: 'endOfRib' | 'begin' | 'end' | 'expired', family: Family = 'ipv4'): RefreshEvent => ({ type, family });
const say = (e: RefreshEffect): string => `${e.type} ${e.family}${e.type === 'arm' ? ` ${e.seconds}` : ''}`;

/** The effects of the last event, after the others. */
function after(...events: RefreshEvent[]): string[] {
  let state = NOT_REFRESHING;
  let effects: readonly RefreshEffect[] = [];
  for (const event of events) [state, effects] = stepRefresh(state, event);
  return effects.map(say);
}

test('between the marks everything is marked, and what did not come again goes', () => {
  expect(after(up(false), on('begin'))).toEqual(['markForRefresh ipv4', 'arm ipv4 600']);
  expect(after(up(false), on('begin'), on('end'))).toEqual(['removeUnrefreshed ipv4', 'disarm ipv4']);
});

test('families are refreshed apart from one another', () => {
  expect(after(up(false), on('begin'), on('begin', 'ipv6'), on('end', 'ipv6'))).toEqual(['removeUnrefreshed ipv6', 'disarm ipv6']);
  expect(after(up(false), on('begin'), on('end', 'ipv6'))).toEqual([]);
});

test('a peer that begins again is marked again', () => {
  expect(after(up(false), on('begin'), on('begin'))).toEqual(['markForRefresh ipv4', 'arm ipv4 600']);
});

test('one that never ends has its time', () => {
  expect(after(up(false), on('begin'), on('expired'))).toEqual(['removeUnrefreshed ipv4']);
  expect(after(up(false), on('begin'), on('expired'), on('end'))).toEqual([]);
});

test('an end without a beginning is nothing', () => {
  expect(after(up(false), on('end'))).toEqual([]);
});

test('before End-of-RIB that a peer with graceful restart owes, its marks are nothing', () => {
  expect(after(up(true), on('begin'))).toEqual([]);
  expect(after(up(true), on('begin'), on('end'))).toEqual([]);
  expect(after(up(true), on('endOfRib', 'ipv6'), on('begin'))).toEqual([]);
  expect(after(up(true), on('endOfRib'), on('begin'))).toEqual(['markForRefresh ipv4', 'arm ipv4 600']);
});

test('with the session the refresh ends, and nothing is removed for it', () => {
  expect(after(up(false), on('begin'), { type: 'sessionDown' })).toEqual(['disarm ipv4']);
  expect(after(up(false), on('begin'), { type: 'sessionDown' }, up(false), on('end'))).toEqual([]);
});
