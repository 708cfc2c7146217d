/** What we say in OPEN, and what becomes of the peer's. */
import { describe, expect, test } from '@jest/globals';
import { isRefusal, localOpen, negotiate, settingsFor, type Refusal, type SessionSettings } from '../../../../bgpd/session/negotiate.ts';
import type { Negotiated } from '../../../../bgpd/session/negotiated.ts';
import type { OpenMessage } from '../../../../bgpd/wire/message.ts';
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

const agreed = (s: SessionSettings, o: OpenMessage): Negotiated => {
  const result = negotiate(s, o);
  if (isRefusal(result)) throw new Error(result.text);
  return result;
};
const refused = (s: SessionSettings, o: OpenMessage): Refusal => {
  const result = negotiate(s, o);
  if (!isRefusal(result)) throw new Error('it was accepted');
  return result;
};

describe('settings', () => {
  test("come from the peer's configuration, with the global section behind it", () => {
    expect(settings).toEqual({
      localAsn: 65001, peerAsn: 65002, routerId: 0x0a000001, families: ['ipv4', 'ipv6'], holdTimeSeconds: 90,
      keepaliveSeconds: undefined, connectRetrySeconds: 30, passive: false, restartTimeSeconds: 120,
    });
  });

  test('a peer may have its own local AS and restart time, or no graceful restart', () => {
    expect(settingsFor(global, { ...peer, localAsn: 64999, restartTimeSeconds: 7 })).toMatchObject({ localAsn: 64999, restartTimeSeconds: 7 });
    expect(settingsFor(global, { ...peer, gracefulRestart: false }).restartTimeSeconds).toBeUndefined();
  });

  test.each(['', '0.0.0.0', '::1', 'ten'])('router ID %j is refused by name', (routerId) => {
    expect(() => settingsFor({ ...global, routerId }, peer)).toThrow(/routerId/);
  });
});

describe('our OPEN', () => {
  test('offers the families, 4-octet AS and route refresh', () => {
    expect(localOpen({ ...settings, restartTimeSeconds: undefined }, { restarted: false, forwardingPreserved: [] })).toEqual({
      type: 'open', version: 4, asn: 65001, holdTimeSeconds: 90, routerId: 0x0a000001,
      capabilities,
    });
  });

  test('carries the R and F bits of the moment', () => {
    expect(localOpen(settings, { restarted: true, forwardingPreserved: ['ipv6'] }).capabilities.gracefulRestart).toEqual({
      restarted: true, notification: false, restartTimeSeconds: 120,
      families: [{ family: 'ipv4', forwardingPreserved: false }, { family: 'ipv6', forwardingPreserved: true }],
    });
  });
});

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
