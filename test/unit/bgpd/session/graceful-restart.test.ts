/** The helper of RFC 4724, told as sentences. */
import { describe, expect, test } from '@jest/globals';
import { newHelper, stepHelper, type Helper, type HelperEffect, type HelperEvent } from '../../../../bgpd/session/graceful-restart.ts';
import type { DownReason } from '../../../../bgpd/session/negotiated.ts';
import type { GracefulRestartCapability } from '../../../../bgpd/wire/message.ts';
import type { Family } from '../../../../lib/ip/prefix.ts';

const BOTH: readonly Family[] = ['ipv4', 'ipv6'];
const capability = (preserved: readonly Family[], seconds = 60, families = BOTH): GracefulRestartCapability => ({
  restarted: true, notification: false, restartTimeSeconds: seconds, families: families.map((family) => ({ family, forwardingPreserved: preserved.includes(family) })),
});
const up = (gracefulRestart: GracefulRestartCapability | undefined, families = BOTH): HelperEvent =>
  ({ type: 'sessionUp', negotiated: { families, gracefulRestart, longLived: undefined, notificationRestart: false } });
const lost = (kind: DownReason['kind'] = 'closed'): HelperEvent => ({ type: 'sessionDown', reason: { kind, text: '' } });

const say = (e: HelperEffect): string =>
  e.type === 'arm' ? `${e.timer} ${e.seconds}` : e.type === 'disarm' ? `no ${e.timer}` : `${e.type} ${e.families.join()}`;

/** The effects of the last event, after the others. */
function after(...events: HelperEvent[]): [Helper['state'], ...string[]] {
  let helper = newHelper(120);
  let effects: readonly HelperEffect[] = [];
  for (const event of events) [helper, effects] = stepHelper(helper, event);
  return [helper.state, ...effects.map(say)];
}

const established = up(capability(BOTH));

describe('a session that ends', () => {
  test('by a closed connection keeps the routes of restartable families as stale', () => {
    expect(after(established, lost())).toEqual(['retaining', 'markStale ipv4,ipv6', 'restart 60', 'stale 120']);
  });

  test('loses the routes of families that the capability does not name', () => {
    expect(after(up(capability(['ipv4'], 60, ['ipv4'])), lost())).toEqual(['retaining', 'markStale ipv4', 'removeAll ipv6', 'restart 60', 'stale 120']);
  });

  test.each<DownReason['kind']>(['hold-timer', 'error', 'notified', 'administrative'])('by %s loses everything', (kind) => {
    expect(after(established, lost(kind))).toEqual(['down', 'removeAll ipv4,ipv6']);
  });

  test('without graceful restart loses everything', () => {
    expect(after(up(undefined), lost())).toEqual(['down', 'removeAll ipv4,ipv6']);
  });

  test('whose peer only understands End-of-RIB (no family named, or restart time 0) loses everything', () => {
    expect(after(up(capability([], 60, [])), lost())).toEqual(['down', 'removeAll ipv4,ipv6']);
    expect(after(up(capability(BOTH, 0)), lost())).toEqual(['down', 'removeAll ipv4,ipv6']);
  });

  test('waits no longer than our cap, whatever the peer asks for', () => {
    expect(after(up(capability(BOTH, 4095)), lost())).toContain('restart 120');
  });
});

describe('a peer that comes back', () => {
  test('not within the restart time loses its routes', () => {
    expect(after(established, lost(), { type: 'expired', timer: 'restart' })).toEqual(['down', 'removeAll ipv4,ipv6', 'no restart', 'no stale']);
  });

  test('with F bits keeps its stale routes until End-of-RIB of each family', () => {
    expect(after(established, lost(), established)).toEqual(['refreshing', 'no restart']);
    expect(after(established, lost(), established, { type: 'endOfRib', family: 'ipv4' })).toEqual(['refreshing', 'removeStale ipv4']);
    expect(after(established, lost(), established, { type: 'endOfRib', family: 'ipv4' }, { type: 'endOfRib', family: 'ipv6' }))
      .toEqual(['up', 'removeStale ipv6', 'no stale']);
  });

  test('with F = 0 for a family loses the stale routes of that family at once', () => {
    expect(after(established, lost(), up(capability(['ipv6'])))).toEqual(['refreshing', 'no restart', 'removeStale ipv4']);
  });

  test('without a family loses its stale routes at once', () => {
    expect(after(established, lost(), up(capability(BOTH), ['ipv6']))).toEqual(['refreshing', 'no restart', 'removeStale ipv4']);
  });

  test('without the capability loses all stale routes at once', () => {
    expect(after(established, lost(), up(undefined))).toEqual(['up', 'no restart', 'removeStale ipv4,ipv6', 'no stale']);
  });

  test('and never finishes loses what is still stale when the stale timer ends', () => {
    expect(after(established, lost(), established, { type: 'endOfRib', family: 'ipv4' }, { type: 'expired', timer: 'stale' }))
      .toEqual(['up', 'removeStale ipv6']);
  });
});

describe('a second restart within the window', () => {
  test('keeps what is stale already, and does not prolong its life', () => {
    expect(after(established, lost(), established, lost())).toEqual(['retaining', 'markStale ipv4,ipv6', 'restart 60']);
  });

  test('arms the stale timer anew when the first one was finished', () => {
    expect(after(established, lost(), established, { type: 'endOfRib', family: 'ipv4' }, { type: 'endOfRib', family: 'ipv6' }, lost()))
      .toEqual(['retaining', 'markStale ipv4,ipv6', 'restart 60', 'stale 120']);
  });

  test('by an error loses everything, stale or not', () => {
    expect(after(established, lost(), established, lost('error'))).toEqual(['down', 'removeAll ipv4,ipv6', 'no restart', 'no stale']);
  });
});

describe('nothing happens', () => {
  test.each<[string, HelperEvent[]]>([
    ['on a loss without a session', [lost()]],
    ['on a failed attempt while the routes are retained', [established, lost(), lost('notified')]],
    ['on End-of-RIB when nothing is stale', [established, { type: 'endOfRib', family: 'ipv4' }]],
    ['on End-of-RIB of a family that is fresh already', [established, lost(), up(capability(['ipv6'])), { type: 'endOfRib', family: 'ipv4' }]],
    ['on a timer that is not armed', [established, { type: 'expired', timer: 'restart' }]],
    ['on a timer before anything', [{ type: 'expired', timer: 'stale' }]],
    ['on a second session without a loss', [established, established]],
  ])('%s', (_name, events) => {
    expect(after(...events).slice(1)).toEqual([]);
  });
});

test('a peer that is no longer configured loses its routes in every state', () => {
  for (const events of [[established], [established, lost()], [established, lost(), established]]) {
    expect(after(...events, { type: 'removed' }).slice(0, 2)).toEqual(['down', 'removeAll ipv4,ipv6']);
  }
  expect(after({ type: 'removed' })).toEqual(['down']);
});
