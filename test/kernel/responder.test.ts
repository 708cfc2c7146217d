/** The responder in a lab's pods: a moment in which it is not scheduled must not look like a route that was away. */
import { expect } from '@jest/globals';
import { PROGRAM } from '../../lab/installation.ts';
import { file, namespaces, root } from '../support/capabilities.ts';
import { Namespaces, eventually } from '../support/namespaces.ts';
import { skipUnless } from '../support/skip.ts';

const test = skipUnless(root, namespaces, file(PROGRAM, 'the lab\'s C program'));

test('its socket keeps half a second of four streams of 1,000 packets a second', async () => {
  await using net = await Namespaces.create('responder');
  const pod = net.add('pod');
  pod.spawn(PROGRAM, ['serve', '8080']);
  await eventually(5_000, () => {
    // 768 octets are what the kernel counts for one small datagram.
    const buffer = /\brb(\d+)/.exec(pod.exec('ss', '-uanmH', 'sport = :8080'))?.[1];
    expect(Number(buffer)).toBeGreaterThan(2_000 * 768);
  });
});
