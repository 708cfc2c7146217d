/** A peer that sends two million prefixes against a limit of a thousand: cut off early, kept out as long as is said, let in again. */
import { readFileSync } from 'node:fs';
import { expect } from '@jest/globals';
import { Bgpd } from '../support/bgpd.ts';
import { namespaces, program, root } from '../support/capabilities.ts';
import { eventually, Namespaces } from '../support/namespaces.ts';
import { skipUnless } from '../support/skip.ts';
import { peerConfig, speakerConfig } from '../support/speaker-config.ts';

const needs = skipUnless(root, namespaces, program('ip'));
const MS = 90_000;

/** Dials, opens, pours prefixes out as fast as they are taken, and prints what it was sent as hex when it is over. */
const FLOOD = (prefixes: number): string => `
const { connect } = require('node:net');
const message = (type, body) => { const m = Buffer.alloc(19 + body.length, 0xff); m.writeUInt16BE(m.length, 16); m[18] = type; body.copy(m, 19); return m; };
const got = [];
const socket = connect({ host: '10.0.0.1', port: 179 });
socket.on('error', () => undefined);
socket.on('data', (chunk) => { got.push(chunk); });
socket.on('close', () => { console.log('got ' + Buffer.concat(got).toString('hex')); });
socket.write(message(1, Buffer.from('04fde9005a0a000002080206010400010001', 'hex')));
socket.write(message(4, Buffer.alloc(0)));
let next = 0;
const pour = () => {
  while (next < ${prefixes}) {
    const count = Math.min(800, ${prefixes} - next);
    const attributes = Buffer.from('4001010040020402' + '01fde9' + '4003040a000002', 'hex');
    const body = Buffer.alloc(4 + attributes.length + 5 * count);
    body.writeUInt16BE(attributes.length, 2);
    attributes.copy(body, 4);
    for (let i = 0; i < count; i++, next++) { body[4 + attributes.length + 5 * i] = 32; body.writeUInt32BE(0x14000000 + next, 5 + attributes.length + 5 * i); }
    if (!socket.write(message(2, body))) { socket.once('drain', pour); return; }
  }
};
pour();
`;

const memoryOf = (pid: number): number => Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) / 1024;

needs('two million prefixes cost no more than the limit and a message', async () => {
  await using net = await Namespaces.create('maximum prefixes');
  const [us, them] = [net.add('us'), net.add('them')];
  net.link(us, them, { addresses: [['10.0.0.1/24'], ['10.0.0.2/24']] });
  const peer = (restartSeconds?: number) => peerConfig('10.0.0.2', {
    name: 'flood', asn: 65001, passive: true, maximumPrefixes: { limit: 1000, action: 'close', ...restartSeconds !== undefined && { restartSeconds } },
  });
  const bgpd = await Bgpd.start(us, speakerConfig({ global: { routerId: '10.0.0.1' }, peers: [peer()] }));
  const pid = bgpd.process.child.pid!;
  const before = memoryOf(pid);

  const flood = them.spawn(process.execPath, ['-e', FLOOD(2_000_000)]);
  await flood.ended;
  expect(flood.output).toMatch(/ffff001c030601000101000003e8/);
  const status = await bgpd.status();
  expect(status.peers[0]).toMatchObject({ state: 'Idle', received: 0 });
  expect(status.problems.map((p) => p.message)).toEqual([expect.stringMatching(/^the session was closed because of 1\d{3} ipv4 prefixes: expected at most 1000; it stays down until it is cleared by hand$/)]);
  expect(memoryOf(pid) - before).toBeLessThan(64);

  const early = them.spawn(process.execPath, ['-e', FLOOD(10)]);
  await early.ended;
  expect(early.output).toMatch(/^got $/m);

  await bgpd.client.call('clear', { peer: 'flood', mode: 'hard' });
  const few = them.spawn(process.execPath, ['-e', FLOOD(800)]);
  await eventually(10_000, async () => {
    const again = await bgpd.status();
    expect([again.peers[0]?.state, again.peers[0]?.received]).toEqual(['Established', 800]);
    expect(again.problems.map((p) => p.message)).toEqual(['800 ipv4 prefixes received: 80 % of the limit of 1000']);
  });
  few.child.kill();
}, MS);

needs('after the restart time it is let in by itself', async () => {
  await using net = await Namespaces.create('maximum prefixes restart');
  const [us, them] = [net.add('us'), net.add('them')];
  net.link(us, them, { addresses: [['10.0.0.1/24'], ['10.0.0.2/24']] });
  const bgpd = await Bgpd.start(us, speakerConfig({
    global: { routerId: '10.0.0.1' },
    peers: [peerConfig('10.0.0.2', { name: 'flood', asn: 65001, passive: true, maximumPrefixes: { limit: 1000, action: 'close', restartSeconds: 2 } })],
  }));
  const flood = them.spawn(process.execPath, ['-e', FLOOD(5_000)]);
  await flood.ended;
  expect((await bgpd.status()).problems.map((p) => p.message)).toEqual([expect.stringContaining('it stays down for 2 s')]);
  await eventually(20_000, async () => {
    const again = them.spawn(process.execPath, ['-e', FLOOD(10)]);
    await Promise.race([again.ended, new Promise((resolve) => { setTimeout(resolve, 500); })]);
    expect((await bgpd.status()).peers[0]).toMatchObject({ state: 'Established', received: 10 });
  });
}, MS);
