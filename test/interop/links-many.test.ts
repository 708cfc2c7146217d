/** A thousand neighbours of a range that dial our speaker in the same moment: each gets its OPEN. */
import { expect } from '@jest/globals';
import type { Connection } from '../../bgpd/ports.ts';
import { tcpTransport } from '../../bgpd/transport.ts';
import { ip } from '../../lib/ip/text.ts';
import { namespaces, root } from '../support/capabilities.ts';
import { INTEROP_MS, OUR_ASN, THEIR_ASN } from '../support/interop.ts';
import { eventually, Namespaces } from '../support/namespaces.ts';
import { OurSpeaker, speakerConfig } from '../support/our-speaker.ts';
import { skipUnless } from '../support/skip.ts';

const test = skipUnless(root, namespaces);
const COUNT = 1_000;
const OPEN = 1;

test('a thousand dial at once, and each is answered with an OPEN; one more than may be is not', async () => {
  await using net = await Namespaces.create('many');
  const [us, them] = [net.add('us'), net.add('them')];
  net.link(us, them, { addresses: [['10.9.0.1/24'], ['10.9.0.2/24']] });
  us.ip('route', 'add', '10.7.0.0/16', 'via', '10.9.0.2');
  them.ip('route', 'add', 'local', '10.7.0.0/16', 'dev', 'lo');      // all of it is theirs
  const config = speakerConfig({ asn: OUR_ASN, routerId: '10.9.0.1', peers: [{ name: 'x', address: '10.7.0.1', asn: THEIR_ASN, families: ['ipv4'] }] });
  const { name: _n, address: _a, ...template } = config.peers.peers[0]!;
  const ours = await OurSpeaker.start(us, { ...config, peers: { peers: [], dynamic: [{ name: 'many', prefix: '10.7.0.0/16', maximumPeers: COUNT, template }] } });

  const transport = tcpTransport();
  const never = new AbortController().signal;
  const dial = (from: string): Promise<Connection> => {
    const dialing: Promise<Connection>[] = [];
    them.within(() => { dialing.push(transport.dial({ address: ip('10.9.0.1'), port: 179, sourceAddress: ip(from), timeoutMs: 20_000 }, never)); });
    return dialing[0]!;
  };
  let opens = 0;
  const watch = (connection: Connection): Connection => {
    connection.listen({ data: (chunk) => { if (chunk[18] === OPEN) opens++; }, drained: () => undefined, closed: () => undefined });
    return connection;
  };
  const connections = await Promise.all(Array.from({ length: COUNT }, async (_, i) => watch(await dial(`10.7.${1 + (i >> 8)}.${i & 255}`))));
  await eventually(30_000, () => { expect(opens).toBe(COUNT); });
  expect((await ours.status()).peers.filter((p) => p.state === 'OpenSent')).toHaveLength(COUNT);

  const late = await dial('10.7.200.1');
  const closed = new Promise<void>((resolve) => { late.listen({ data: () => undefined, drained: () => undefined, closed: () => { resolve(); } }); });
  await closed;
  for (const connection of connections) connection.destroy();
  await eventually(90_000, async () => { expect((await ours.status()).peers).toEqual([]); });
  expect(ours.process.running).toBe(true);
}, INTEROP_MS);
