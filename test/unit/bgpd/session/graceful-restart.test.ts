/** The helper of RFC 4724, told as sentences. */
import { describe, expect, test } from '@jest/globals';
import { newHelper, stepHelper, type Helper, type HelperEffect, type HelperEvent } from '../../../../bgpd/session/graceful-restart.ts';
import type { DownReason } from '../../../../bgpd/session/negotiated.ts';
import type { GracefulRestartCapability, LongLivedFamily } from '../../../../bgpd/wire/message.ts';
import type { Family } from '../../../../lib/ip/prefix.ts';
import { Seeded } from '../../../support/seeded.ts';

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

// ---- RFC 8538

describe('where both sides said N', () => {
  const n: HelperEvent = { type: 'sessionUp', negotiated: { families: BOTH, gracefulRestart: capability(BOTH), longLived: undefined, notificationRestart: true } };
  const down = (kind: DownReason['kind'], subcode = 0, code = 6): HelperEvent =>
    ({ type: 'sessionDown', reason: { kind, text: '', notification: { code, subcode, data: new Uint8Array(0) } } });
  const KEPT = ['retaining', 'markStale ipv4,ipv6', 'restart 60', 'stale 120'];

  test.each<[string, HelperEvent]>([
    ['a hold timer that expired', down('hold-timer', 0, 4)], ['a NOTIFICATION of the peer', down('notified', 4)],
    ['an error that we found', down('error', 1, 3)], ['a connection that closed', lost()],
  ])('%s is a restart', (_name, event) => {
    expect(after(n, event)).toEqual(KEPT);
  });

  test.each<DownReason['kind']>(['notified', 'error'])('a Hard Reset (%s) is not', (kind) => {
    expect(after(n, down(kind, 9))).toEqual(['down', 'removeAll ipv4,ipv6']);
  });

  test('our own will is not', () => {
    expect(after(n, down('administrative', 6))).toEqual(['down', 'removeAll ipv4,ipv6']);
  });

  test('the stale timer bounds errors that come again and again', () => {
    expect(after(n, down('error', 1, 3), n, down('error', 1, 3))).toEqual(['retaining', 'markStale ipv4,ipv6', 'restart 60']);
    expect(after(n, down('error', 1, 3), n, down('error', 1, 3), { type: 'expired', timer: 'stale' }).slice(0, 2)).toEqual(['down', 'removeAll ipv4,ipv6']);
  });
});

// ---- RFC 9494

describe('long-lived', () => {
  const stale = (family: Family, seconds: number, forwardingPreserved = true): LongLivedFamily => ({ family, forwardingPreserved, staleSeconds: seconds });
  const upWith = (longLived: readonly LongLivedFamily[] | undefined, gracefulRestart = capability(BOTH), families = BOTH): HelperEvent =>
    ({ type: 'sessionUp', negotiated: { families, gracefulRestart, longLived, notificationRestart: false } });
  const both = upWith([stale('ipv4', 3600), stale('ipv6', 86_400)]);
  const over = (timer: 'restart' | 'stale' | 'longLived ipv4' | 'longLived ipv6'): HelperEvent => ({ type: 'expired', timer });
  const end = (family: Family): HelperEvent => ({ type: 'endOfRib', family });

  test('routes become long-lived stale instead of going when the restart time ends, each family for its own time', () => {
    expect(after(both, lost(), over('restart'))).toEqual(['retaining', 'markLongLived ipv4,ipv6', 'no restart', 'no stale', 'longLived ipv4 3600', 'longLived ipv6 86400']);
  });

  test('our cap ends the first phase only: the second has the time that the peer asks for', () => {
    expect(after(both, lost(), over('stale'))).toContain('longLived ipv6 86400');
  });

  test('a family without a stale time goes, as does one that the capability does not name', () => {
    for (const longLived of [[stale('ipv4', 3600)], [stale('ipv4', 3600), stale('ipv6', 0)]]) {
      expect(after(upWith(longLived), lost(), over('restart'))).toEqual(['retaining', 'markLongLived ipv4', 'removeAll ipv6', 'no restart', 'no stale', 'longLived ipv4 3600']);
    }
  });

  test('without any stale time it is over with the restart time', () => {
    expect(after(upWith([stale('ipv4', 0)]), lost(), over('restart')).slice(0, 2)).toEqual(['down', 'removeAll ipv4,ipv6']);
  });

  test('each family goes when its time ends; with the last one all is over', () => {
    const away = [both, lost(), over('restart'), over('longLived ipv4')];
    expect(after(...away)).toEqual(['retaining', 'removeAll ipv4']);
    expect(after(...away, over('longLived ipv6'))[0]).toBe('down');
    expect(after(...away, over('longLived ipv6'))).toContain('removeAll ipv4,ipv6');
  });

  test('with a restart time of 0 there is no first phase', () => {
    expect(after(upWith([stale('ipv4', 3600)], capability(BOTH, 0)), lost())).toEqual(['retaining', 'markStale ipv4', 'removeAll ipv6', 'markLongLived ipv4', 'longLived ipv4 3600']);
  });

  test('a family that only the long-lived capability names has no first phase, the other has', () => {
    expect(after(upWith([stale('ipv6', 3600)], capability(['ipv4'], 60, ['ipv4'])), lost()))
      .toEqual(['retaining', 'markStale ipv4,ipv6', 'markLongLived ipv6', 'restart 60', 'stale 120', 'longLived ipv6 3600']);
  });

  test('a peer that comes back keeps what the F bits of the long-lived capability say, until End-of-RIB', () => {
    const away = [both, lost(), over('restart')];
    expect(after(...away, both)).toEqual(['refreshing']);
    expect(after(...away, both, end('ipv4'))).toEqual(['refreshing', 'removeStale ipv4', 'no longLived ipv4']);
    expect(after(...away, both, end('ipv4'), end('ipv6'))).toEqual(['up', 'removeStale ipv6', 'no longLived ipv6']);
    expect(after(...away, upWith([stale('ipv4', 3600, false), stale('ipv6', 3600)]))).toEqual(['refreshing', 'removeStale ipv4', 'no longLived ipv4']);
    expect(after(...away, upWith(undefined))).toEqual(['up', 'removeStale ipv4,ipv6', 'no longLived ipv4', 'no longLived ipv6']);
  });

  test('in the first phase the F bits of the graceful restart capability count', () => {
    expect(after(both, lost(), upWith([stale('ipv4', 3600), stale('ipv6', 60)], capability(['ipv4'])))).toEqual(['refreshing', 'no restart', 'removeStale ipv6']);
  });

  test('a peer that came back and does not finish loses the stale routes of each family when its time ends', () => {
    const back = [both, lost(), over('restart'), both];
    expect(after(...back, over('longLived ipv4'))).toEqual(['refreshing', 'removeStale ipv4']);
    expect(after(...back, over('longLived ipv4'), over('longLived ipv6'))).toEqual(['up', 'removeStale ipv6']);
  });

  test('a second loss before End-of-RIB begins the first phase anew, and the long-lived timers run on', () => {
    const twice = [both, lost(), over('restart'), both, lost()];
    expect(after(...twice)).toEqual(['retaining', 'markStale ipv4,ipv6', 'restart 60', 'stale 120']);
    expect(after(...twice, over('restart'))).toEqual(['retaining', 'markLongLived ipv4,ipv6', 'no restart', 'no stale']);
    expect(after(...twice, over('longLived ipv4'))).toEqual(['retaining', 'removeAll ipv4']);
  });

  test('an end that is no restart takes everything along, and the timers', () => {
    expect(after(both, lost(), over('restart'), both, lost('error')))
      .toEqual(['down', 'removeAll ipv4,ipv6', 'no restart', 'no stale', 'no longLived ipv4', 'no longLived ipv6']);
  });

  test('a peer that is no longer configured leaves no timer', () => {
    expect(after(both, lost(), over('restart'), { type: 'removed' }).slice(-2)).toEqual(['no longLived ipv4', 'no longLived ipv6']);
  });
});

// ---- whatever happens

test('in whatever order things happen, timers run exactly while something waits for them, and nothing stale is forgotten', () => {
  const seed = new Seeded(9494);
  const random = (): number => seed.below(1_000) / 1_000;
  const pick = <T>(items: readonly T[]): T => seed.pick(items);
  const some = (): readonly Family[] => BOTH.filter(() => random() < 0.7);
  const anyEvent = (): HelperEvent => pick<() => HelperEvent>([
    () => ({ type: 'sessionUp', negotiated: {
      families: some(), gracefulRestart: random() < 0.8 ? capability(some(), pick([0, 60]), some()) : undefined, notificationRestart: random() < 0.5,
      longLived: random() < 0.6 ? some().map((family) => ({ family, forwardingPreserved: random() < 0.7, staleSeconds: pick([0, 3600]) })) : undefined,
    } }),
    () => ({ type: 'sessionDown', reason: { kind: pick(['closed', 'closed', 'error', 'notified', 'hold-timer', 'administrative']), text: '' } }),
    () => ({ type: 'endOfRib', family: pick(BOTH) }),
    () => ({ type: 'expired', timer: pick(['restart', 'stale', 'longLived ipv4', 'longLived ipv6']) }),
    () => ({ type: 'removed' }),
  ])();
  let helper = newHelper(120);
  const armed = new Set<string>();
  /** Families in which the RIB would hold routes, and stale ones. */
  const [held, stale] = [new Set<Family>(), new Set<Family>()];
  for (let i = 0; i < 3_000; i++) {
    const event = anyEvent();
    if (event.type === 'expired' && !armed.delete(event.timer)) continue;      // a timer that does not run does not expire
    const [next, effects] = stepHelper(helper, event);
    if (event.type === 'sessionUp' && helper !== next) for (const family of event.negotiated.families) held.add(family);
    helper = next;
    for (const effect of effects) {
      switch (effect.type) {
        case 'arm': armed.add(effect.timer); break;
        case 'disarm': armed.delete(effect.timer); break;
        case 'markStale': for (const family of effect.families) if (held.has(family)) stale.add(family); break;
        case 'markLongLived': for (const family of effect.families) expect(stale.has(family)).toBe(true); break;
        case 'removeStale':
          for (const family of effect.families) {
            stale.delete(family);
            if (!helper.families.includes(family)) held.delete(family);      // nothing fresh can be there
          }
          break;
        case 'removeAll': for (const family of effect.families) { stale.delete(family); held.delete(family); } break;
      }
    }
    const expected = [
      ...(helper.plain.length > 0 ? ['stale'] : []), ...(helper.plain.length > 0 && helper.state === 'retaining' ? ['restart'] : []),
      ...helper.aged.map((family) => `longLived ${family}`),
    ];
    expect([[...armed].sort(), [...stale].sort()]).toEqual([expected.sort(), [...helper.stale].sort()]);
    expect(helper.state === 'retaining' || helper.state === 'refreshing').toBe(helper.stale.length > 0);
    if (helper.state === 'down') expect(held.size).toBe(0);
  }
});
