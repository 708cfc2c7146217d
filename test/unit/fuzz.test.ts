/** A short slice of `npm run fuzz`, always with the same seed. */
import { expect, test } from '@jest/globals';
import { advertisements } from '../fuzz/advertisements.ts';
import { SessionFuzz } from '../fuzz/sessions.ts';
import { controlSocket, shimSocket } from '../fuzz/sockets.ts';
import { Seeded } from '../support/seeded.ts';

const MS = 60_000;

test('wrong BGP messages end sessions only where they must, spoil nobody else\'s, and leave nothing behind', async () => {
  const fuzz = new SessionFuzz(new Seeded(4));
  await fuzz.start();
  for (let part = 0; part < 2; part++) {
    await fuzz.run(1_500);
    await fuzz.drain();
  }
  await fuzz.close();
  expect(fuzz.tally.messages).toBe(3_000);
  expect(fuzz.tally.news).toBeGreaterThan(50);
}, MS);

test('requests of wrong shapes are answered on the control socket', async () => {
  expect(await controlSocket(new Seeded(4), 200)).toBeGreaterThan(10);
}, MS);

test('requests of wrong shapes are answered on the socket of the CNI executable', async () => {
  expect(await shimSocket(new Seeded(4), 100)).toBeGreaterThan(50);
}, MS);

test('router advertisements of any kind neither confuse nor flood', () => {
  expect(advertisements(new Seeded(4), 10_000)).toBeGreaterThan(1_000);
});
