/** Advertising and listening on links, with a clock that the test moves. */
import { expect, test } from '@jest/globals';
import { Unnumbered } from '../../../bgpd/unnumbered.ts';
import type { RouterDiscoveryPort } from '../../../bgpd/ports.ts';
import type { Ip } from '../../../lib/ip/prefix.ts';
import { ip, showIp } from '../../../lib/ip/text.ts';
import { silentLog } from '../../../lib/log.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { peerConfig } from '../../support/speaker-config.ts';

const { name: _n, address: _a, ...template } = peerConfig('192.0.2.1');
const peer = (name: string, link: string) => ({ name, interface: link, template });

function setUp() {
  const clock = new FakeClock();
  const sent: string[] = [];
  const found: string[] = [];
  const indexes = new Map([['eth0', 2]]);
  const heard = new Map<string, (message: 'solicitation' | 'advertisement', from: Ip) => void>();
  const state = { failure: '', hasSession: false, open: 0, change: (_name: string): void => undefined };
  const discovery: RouterDiscoveryPort = {
    open: (name, listener) => {
      const index = indexes.get(name);
      if (index === undefined) return undefined;
      heard.set(name, listener);
      state.open++;
      const say = (what: string) => (): string => { if (state.failure === '') sent.push(`${clock.now()} ${what}`); return state.failure; };
      return { index, advertise: say('advertise'), solicit: say('solicit'), [Symbol.dispose]: () => { state.open--; heard.delete(name); } };
    },
    onLinkChange: (listener) => { state.change = (name) => { listener(name); return undefined; }; return { [Symbol.dispose]: () => undefined }; },
  };
  const unnumbered = new Unnumbered({
    clock, log: silentLog, random: () => 1, discovery, hasSession: () => state.hasSession,
    found: (name, address) => { found.push(`${name} ${address === undefined ? 'gone' : showIp(address)}`); },
  });
  return { clock, sent, found, indexes, state, unnumbered, hear: (message: 'solicitation' | 'advertisement', from = 'fe80::a') => { heard.get('eth0')?.(message, ip(from)); } };
}

test('three advertisements come quickly, the others every ten seconds; routers are asked for until one is heard', () => {
  const { clock, sent, unnumbered, hear, found } = setUp();
  unnumbered.configure([peer('up', 'eth0')]);
  clock.advance(30_000);
  expect(sent.filter((line) => line.endsWith('advertise')).map(parseFloat)).toEqual([0, 3_000, 6_000, 16_000, 26_000]);
  expect(sent.filter((line) => line.endsWith('solicit')).map(parseFloat)).toEqual([0, 4_000, 8_000]);
  expect(unnumbered.problems.map((p) => p.message)).toEqual(['eth0: no router advertisement has come yet']);
  hear('advertisement');
  sent.length = 0;
  clock.advance(120_000);
  expect([found, unnumbered.problems, sent.filter((line) => line.endsWith('solicit'))]).toEqual([['up fe80::a'], [], []]);
});

test('a flood of solicitations is answered once in three seconds (RFC 4861 section 6.2.6)', () => {
  const { clock, sent, unnumbered, hear } = setUp();
  unnumbered.configure([peer('up', 'eth0')]);
  hear('advertisement');
  clock.advance(10_000);
  sent.length = 0;
  for (let i = 0; i < 1_000; i++) { hear('solicitation'); clock.advance(6); }
  expect(sent.length).toBe(2);
});

test('nothing is opened but the links that are named, and a link that goes away takes its neighbour with it', () => {
  const { unnumbered, state, hear, found, indexes } = setUp();
  unnumbered.configure([peer('up', 'eth0'), peer('none', 'eth9')]);
  expect([state.open, unnumbered.problems.map((p) => p.message)]).toEqual([1, ['eth0: no router advertisement has come yet', 'eth9: there is no such interface']]);
  hear('advertisement');
  indexes.delete('eth0');
  state.change('eth0');
  expect([found.splice(0), state.open]).toEqual([['up fe80::a', 'up gone'], 0]);
  indexes.set('eth0', 7);
  state.change('eth0');
  hear('advertisement', 'fe80::b');
  expect([found.splice(0), state.open]).toEqual([['up fe80::b'], 1]);
  unnumbered.configure([]);
  expect(found).toContain('up gone');
  expect(state.open).toBe(0);
});

test('a link that only changes its state keeps its neighbour until another is heard there', () => {
  const { unnumbered, state, hear, found } = setUp();
  unnumbered.configure([peer('up', 'eth0')]);
  hear('advertisement');
  state.hasSession = true;
  hear('advertisement', 'fe80::b');
  state.change('eth0');
  expect(found).toEqual(['up fe80::a']);
  hear('advertisement', 'fe80::b');
  expect(found).toEqual(['up fe80::a', 'up fe80::b']);
});

test('what cannot be sent is told and tried again every second', () => {
  const { clock, unnumbered, state, sent } = setUp();
  state.failure = 'the interface is down';
  unnumbered.configure([peer('up', 'eth0')]);
  clock.advance(2_500);
  expect([unnumbered.problems, sent]).toEqual([[{ path: 'peers/up.interface', message: 'eth0: the interface is down' }], []]);
  state.failure = '';
  clock.advance(1_000);
  expect(sent).toEqual(expect.arrayContaining(['3000 advertise', '3000 solicit']));
});
