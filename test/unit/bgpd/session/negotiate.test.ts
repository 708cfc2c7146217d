/** What we say in OPEN, and what becomes of the peer's. */
import { describe, expect, test } from '@jest/globals';
import { localOpen } from '../../../../bgpd/session/local-open.ts';
import { isRefusal, negotiate, type Refusal } from '../../../../bgpd/session/negotiate.ts';
import type { Negotiated } from '../../../../bgpd/session/negotiated.ts';
import { settingsFor, type SessionSettings } from '../../../../bgpd/session/settings.ts';
import type { Capabilities, OpenMessage } from '../../../../bgpd/wire/message.ts';
import type { GlobalSection, PeerConfig } from '../../../../config/messages/speaker-config.ts';
import { capabilities as capabilitiesOf, restartCapability } from '../../../support/session-builders.ts';

const global: GlobalSection = {
  asn: 65001, routerId: '10.0.0.1', listen: { port: 179, addresses: [] },
  gracefulRestart: { restartTimeSeconds: 120, staleRoutesCapSeconds: 120, selectionDeferralSeconds: 60 },
  kernel: { table: 254, metric: 1024, install: true, maximumPaths: 8 },
};
const peer: PeerConfig = {
  name: 'p', origin: 'static', address: '10.0.0.2', port: 179, asn: 65002, passive: false, families: ['ipv6', 'ipv4'],
  holdTimeSeconds: 90, connectRetrySeconds: 30, gracefulRestart: true, nextHop: 'auto', allowLocalAs: 0, importFilters: [], exportFilters: [],
};
const settings = settingsFor(global, peer);
const capabilities = capabilitiesOf();
const open: OpenMessage = { type: 'open', version: 4, asn: 65002, holdTimeSeconds: 180, routerId: 0x0a000002, capabilities };

const oursOf = (s: SessionSettings): Capabilities => localOpen(s, { restarted: false, forwardingPreserved: [] }).capabilities;
const agreed = (s: SessionSettings, o: OpenMessage): Negotiated => {
  const result = negotiate(s, o, oursOf(s));
  if (isRefusal(result)) throw new Error(result.text);
  return result;
};
const refused = (s: SessionSettings, o: OpenMessage): Refusal => {
  const result = negotiate(s, o, oursOf(s));
  if (!isRefusal(result)) throw new Error('it was accepted');
  return result;
};

describe('what is agreed', () => {
  test('families that both offer, in our order', () => {
    expect(agreed(settings, { ...open, capabilities: { ...capabilities, families: ['ipv6'] } }).families).toEqual(['ipv6']);
  });

  test('a peer without multiprotocol capability speaks IPv4', () => {
    expect(agreed(settings, { ...open, capabilities: { ...capabilities, families: [] } }).families).toEqual(['ipv4']);
  });

  test('a peer that offers only families we do not know has none in common with us', () => {
    const unknown = [{ code: 1, value: Uint8Array.of(0, 25, 0, 70) }];
    expect(refused(settings, { ...open, capabilities: { ...capabilities, families: [], unknown } }).notification).toMatchObject({ code: 2, subcode: 7 });
  });

  test.each([
    [90, 180, undefined, 90, 30], [90, 30, undefined, 30, 10], [90, 0, undefined, 0, 0], [0, 90, undefined, 0, 0],
    [3, 90, undefined, 3, 1], [90, 4, undefined, 4, 1], [90, 90, 5, 90, 5], [90, 90, 60, 90, 30], [90, 9, 20, 9, 3],
  ])('hold time %i and %i, keepalive %p: %i and %i', (ours, theirs, keepaliveSeconds, hold, keepalive) => {
    const result = agreed({ ...settings, holdTimeSeconds: ours, keepaliveSeconds }, { ...open, holdTimeSeconds: theirs });
    expect([result.holdTimeSeconds, result.keepaliveSeconds]).toEqual([hold, keepalive]);
  });

  test('internal or external, by the AS numbers of this session', () => {
    expect(agreed(settings, open)).toMatchObject({ external: true, localAsn: 65001, peerAsn: 65002, wire: { external: true } });
    const internal = { ...settings, localAsn: 65002 };
    expect(agreed(internal, open)).toMatchObject({ external: false, wire: { external: false } });
  });

  test('AS numbers are four octets when the peer can', () => {
    expect(agreed(settings, open).wire.fourOctetAs).toBe(true);
    expect(agreed(settings, { ...open, capabilities: { ...capabilities, fourOctetAs: false } }).wire.fourOctetAs).toBe(false);
  });

  test('graceful restart only when both sides have it', () => {
    const gracefulRestart = restartCapability({ restartTimeSeconds: 60 });
    const able = { ...open, capabilities: { ...capabilities, gracefulRestart } };
    expect(agreed(settings, able).gracefulRestart).toEqual(gracefulRestart);
    expect(agreed({ ...settings, restartTimeSeconds: undefined }, able).gracefulRestart).toBeUndefined();
    expect(agreed(settings, open).gracefulRestart).toBeUndefined();
  });

  test('equal BGP identifiers are allowed between different AS numbers (RFC 6286)', () => {
    expect(agreed(settings, { ...open, routerId: settings.routerId }).peerRouterId).toBe(settings.routerId);
  });
});

describe('what is refused', () => {
  const internal: SessionSettings = { ...settings, localAsn: 65002 };
  test.each<[string, SessionSettings, Partial<OpenMessage>, number, RegExp, number[]]>([
    ['another version', settings, { version: 3 }, 1, /version 3/, [0, 4]],
    ['another AS', settings, { asn: 65003 }, 2, /AS 65003: expected 65002/, []],
    ['BGP identifier 0', settings, { routerId: 0 }, 3, /0\.0\.0\.0/, []],
    ['our own BGP identifier in our own AS', internal, { routerId: settings.routerId }, 3, /10\.0\.0\.1/, []],
    ['hold time 1', settings, { holdTimeSeconds: 1 }, 6, /hold time 1 s/, []],
    ['hold time 2', settings, { holdTimeSeconds: 2 }, 6, /hold time 2 s/, []],
  ])('%s', (_name, s, change, subcode, text, data) => {
    const refusal = refused(s, { ...open, ...change });
    expect(refusal.notification).toMatchObject({ code: 2, subcode });
    expect([...refusal.notification.data]).toEqual(data);
    expect(refusal.text).toMatch(text);
  });

  test('no common family: the data names the capabilities that are missing (RFC 5492 §5)', () => {
    const refusal = refused({ ...settings, families: ['ipv6'] }, { ...open, capabilities: { ...capabilities, families: ['ipv4'] } });
    expect(refusal.notification).toMatchObject({ code: 2, subcode: 7 });
    expect([...refusal.notification.data]).toEqual([1, 4, 0, 2, 0, 1]);
    expect(refusal.text).toBe('peer offers ipv4: expected ipv6');
  });
});

const with_ = (some: Partial<Capabilities>): OpenMessage => ({ ...open, capabilities: { ...capabilities, ...some } });

describe('the AS number', () => {
  test.each<[SessionSettings['peerAsn'], number, boolean]>([
    ['external', 65002, true], ['external', 4_200_000_000, true], ['external', 65001, false],
    ['internal', 65001, true], ['internal', 65002, false], [65002, 65002, true], [65002, 65003, false],
    ['external', 0, false], ['internal', 0, false],
  ])('%p faces %i: %p', (peerAsn, asn, isRight) => {
    const session = { ...settings, peerAsn };
    const result = negotiate(session, { ...open, asn }, oursOf(session));
    if (isRight) expect(result).toMatchObject({ peerAsn: asn, external: asn !== 65001, wire: { external: asn !== 65001 } });
    else expect(result).toMatchObject({ notification: { code: 2, subcode: 2 } });
  });

  test('zero is nobody (RFC 7607), whatever is configured', () => {
    expect(refused(settings, { ...open, asn: 0 }).text).toBe('peer says AS 0: expected a number from 1 on');
  });

  test('our own BGP identifier is refused from an internal wildcard as well', () => {
    expect(refused({ ...settings, peerAsn: 'internal' }, { ...open, asn: 65001, routerId: settings.routerId }).notification.subcode).toBe(3);
  });
});

describe('ADD-PATH (RFC 7911 §4)', () => {
  const both = [{ family: 'ipv4', send: true, receive: true }, { family: 'ipv6', send: true, receive: true }] as const;
  test.each<[boolean, boolean, boolean, boolean, boolean, boolean]>([
    [true, true, true, true, true, true], [true, false, true, true, false, true], [false, true, true, true, true, false],
    [true, true, true, false, true, false], [true, true, false, true, false, true], [true, false, true, false, false, false],
  ])('we send %p receive %p, they send %p receive %p: in %p out %p', (send, receive, theirSend, theirReceive, isIn, isOut) => {
    const addPath = [{ family: 'ipv4', send: theirSend, receive: theirReceive }] as const;
    const { wire } = agreed({ ...settings, addPath: { send, receive } }, with_({ addPath }));
    expect([wire.addPathIn, wire.addPathOut]).toEqual([{ ipv4: isIn, ipv6: false }, { ipv4: isOut, ipv6: false }]);
  });

  test('only for families of the session', () => {
    const { wire } = agreed({ ...settings, addPath: { send: true, receive: true } }, with_({ families: ['ipv4'], addPath: both }));
    expect([wire.addPathIn, wire.addPathOut]).toEqual([{ ipv4: true, ipv6: false }, { ipv4: true, ipv6: false }]);
  });

  test('not when we did not offer it', () => {
    expect(agreed(settings, with_({ addPath: both })).wire.addPathIn).toEqual({ ipv4: false, ipv6: false });
  });
});

describe('what counts when both said it', () => {
  test.each([[true, true, 65_535], [true, false, 4096], [false, true, 4096]])('extended messages %p and %p: %i octets', (ours, theirs, bytes) => {
    expect(agreed({ ...settings, extendedMessages: ours }, with_({ extendedMessages: theirs })).wire.maximumBytes).toBe(bytes);
  });

  test('IPv6 next hops for IPv4 routes', () => {
    expect(agreed({ ...settings, extendedNextHop: true }, with_({ extendedNextHop: true })).wire.extendedNextHop).toBe(true);
    expect(agreed(settings, with_({ extendedNextHop: true })).wire.extendedNextHop).toBe(false);
    expect(agreed({ ...settings, extendedNextHop: true }, open).wire.extendedNextHop).toBe(false);
  });

  test('enhanced route refresh', () => {
    expect(agreed(settings, with_({ enhancedRouteRefresh: true })).enhancedRouteRefresh).toBe(true);
    expect(agreed(settings, open).enhancedRouteRefresh).toBe(false);
  });

  test('N, and only together with graceful restart', () => {
    const n = restartCapability({ notification: true });
    const session = { ...settings, notificationRestart: true };
    expect(agreed(session, with_({ gracefulRestart: n })).notificationRestart).toBe(true);
    expect(agreed(settings, with_({ gracefulRestart: n })).notificationRestart).toBe(false);
    expect(agreed(session, with_({ gracefulRestart: restartCapability() })).notificationRestart).toBe(false);
    expect(agreed({ ...session, restartTimeSeconds: undefined }, with_({ gracefulRestart: n })).notificationRestart).toBe(false);
  });

  test("long-lived stale times: the peer's, and only together with graceful restart", () => {
    const longLived = [{ family: 'ipv4', forwardingPreserved: true, staleSeconds: 3600 }] as const;
    const session = { ...settings, longLivedStaleSeconds: 60 };
    expect(agreed(session, with_({ gracefulRestart: restartCapability(), longLived })).longLived).toEqual(longLived);
    expect(agreed(session, with_({ longLived })).longLived).toBeUndefined();
    expect(agreed(settings, with_({ gracefulRestart: restartCapability(), longLived })).longLived).toBeUndefined();
  });

  test('what each side said is there for people', () => {
    const { capabilities: said } = agreed(settings, open);
    expect([said.local.gracefulRestart?.restartTimeSeconds, said.remote]).toEqual([120, capabilities]);
  });

  test('without any capability of ours only IPv4 is left', () => {
    const none: Capabilities = { ...capabilities, families: [], fourOctetAs: false };
    expect(negotiate(settings, open, none)).toMatchObject({ families: ['ipv4'], wire: { fourOctetAs: false } });
  });
});

describe('roles (RFC 9234 §4.2)', () => {
  const ROLES = ['provider', 'customer', 'route-server', 'route-server-client', 'peer'] as const;
  const PAIRS: ReadonlySet<string> = new Set(['provider customer', 'customer provider', 'route-server route-server-client', 'route-server-client route-server', 'peer peer']);

  test.each(ROLES.flatMap((local) => ROLES.map((remote) => [local, remote] as const)))('we are %s, the peer %s', (local, remote) => {
    const session = { ...settings, role: { local, strict: false } };
    if (PAIRS.has(`${local} ${remote}`)) expect(agreed(session, with_({ role: remote })).role).toEqual({ local, remote });
    else {
      const refusal = refused(session, with_({ role: remote }));
      expect(refusal.notification).toMatchObject({ code: 2, subcode: 11 });
      expect(refusal.text).toContain(`peer says that it is ${remote}`);
    }
  });

  test('a peer that says none is refused only when we are strict', () => {
    expect(agreed({ ...settings, role: { local: 'customer', strict: false } }, open).role).toEqual({ local: 'customer', remote: undefined });
    expect(refused({ ...settings, role: { local: 'customer', strict: true } }, open)).toMatchObject({ notification: { code: 2, subcode: 11 } });
  });

  test('there is none inside an AS, nor when none is configured', () => {
    expect(agreed({ ...settings, peerAsn: 'internal', role: { local: 'peer', strict: true } }, { ...with_({ role: 'customer' }), asn: 65001 }).role).toBeUndefined();
    expect(agreed(settings, with_({ role: 'customer' })).role).toBeUndefined();
  });
});
