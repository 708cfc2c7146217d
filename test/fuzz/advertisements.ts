/** Router advertisements: octets of any kind, and floods from many neighbours, on the link of an unnumbered peer. */
import { advertisement, routerMessage, solicitation } from '../../bgpd/links/discovery.ts';
import type { RouterDiscoveryPort } from '../../bgpd/ports.ts';
import { Unnumbered } from '../../bgpd/unnumbered.ts';
import type { Ip, Ipv6 } from '../../lib/ip/prefix.ts';
import { ip } from '../../lib/ip/text.ts';
import { silentLog } from '../../lib/log.ts';
import { FakeClock } from '../support/fake-clock.ts';
import type { Seeded } from '../support/seeded.ts';
import { peerConfig } from '../support/speaker-config.ts';

const { name: _name, address: _address, ...template } = peerConfig('192.0.2.1');
const FROM = ip('fe80::') as Ipv6;
/** Two neighbours take turns no more often than every thirty seconds; advertisements go out no more often than every three. */
const [SILENCE_MS, GAP_MS] = [30_000, 3_000];

/** Returns how many of them counted as messages of routers. */
export function advertisements(random: Seeded, messages: number): number {
  const clock = new FakeClock();
  let hear: Parameters<RouterDiscoveryPort['open']>[1] = () => undefined;
  const counts = { found: 0, sent: 0, understood: 0 };
  using unnumbered = new Unnumbered({
    clock, log: silentLog, random: () => random.below(1_000) / 1_000, hasSession: () => false, found: () => { counts.found++; },
    discovery: {
      open: (_name, listener) => {
        hear = listener;
        return { index: 2, advertise: () => { counts.sent++; return ''; }, solicit: () => '', [Symbol.dispose]: () => undefined };
      },
      onLinkChange: () => ({ [Symbol.dispose]: () => undefined }),
    },
  });
  unnumbered.configure([{ name: 'link', interface: 'eth1', template }]);
  for (let i = 0; i < messages; i++) {
    const message = wrong(random);
    const from: Ip = (random.below(16) === 0 ? BigInt(random.below(0xffffffff)) << 96n : FROM | BigInt(random.below(1_000))) as Ipv6;
    const kind = routerMessage(message, from);
    if (kind === 'advertisement' && from >> 118n !== 0x3fan) throw new Error(`an advertisement from ${from.toString(16)}, which is no link-local address, is believed`);
    if (kind !== undefined) { counts.understood++; hear(kind, from); }
    if (i % 64 === 0) clock.advance(random.below(1_000));
    if (clock.timers > 3) throw new Error(`${clock.timers} timers: expected at most 3`);
  }
  const most = { found: 2 + clock.now() / SILENCE_MS, sent: 4 + clock.now() / GAP_MS };
  if (counts.found > most.found || counts.sent > most.sent) throw new Error(`in ${clock.now()} ms there were ${JSON.stringify(counts)}: expected at most ${JSON.stringify(most)}`);
  return counts.understood;
}

function wrong(random: Seeded): Uint8Array {
  const message = Uint8Array.from([...random.pick([advertisement(), solicitation()]), ...random.bytes(8 * random.below(4))]);
  for (let i = random.below(3); i > 0; i--) message[random.below(message.length)] = random.below(256);
  return random.below(4) === 0 ? message.slice(0, random.below(message.length + 1)) : message;
}
