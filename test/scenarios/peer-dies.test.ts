/** The walk "A peer dies": when nothing arrives any more its routes go, and when it is back they come back. */
import { expect } from '@jest/globals';
import { eventually } from '../support/eventually.ts';
import { established, scenariosOf } from '../support/lab.ts';

const scenario = scenariosOf({ nodes: 3 });
const CONVERGED_MS = 60_000;
/** Hold time 90 s, and a second attempt to see it. */
const HOLD_MS = 100_000;

scenario('when a node dies, its blocks leave the other nodes within the hold time, and return with it', async (lab) => {
  const [, b] = await Promise.all([lab.pod('a', { node: 'n1' }), lab.pod('b', { node: 'n2' }), lab.pod('c', { node: 'n3' })]);
  await established(lab);
  const dead = (await lab.status('n2'))!.originated;
  const alive = (await lab.status('n3'))!.originated;
  await eventually(CONVERGED_MS, async () => { expect(await lab.node('n1').routes()).toEqual(expect.arrayContaining([...dead, ...alive])); });

  await lab.node('n2').crash();
  expect(await lab.reaches('a', b, { proto: 'ping', family: 'ipv4' })).toBeUndefined();

  await eventually(HOLD_MS, async () => {
    const routes = await lab.node('n1').routes();
    expect(dead.filter((block) => routes.includes(block))).toEqual([]);
  });
  expect(await lab.node('n1').routes()).toEqual(expect.arrayContaining([...alive]));

  await lab.heal('n2');
  await eventually(CONVERGED_MS, async () => {
    const again = (await lab.view()).pods.find((p) => p.name === 'b');
    expect(again).toBeDefined();
    expect(await lab.reaches('a', again!, { proto: 'tcp', family: 'ipv4' })).toBeDefined();
  });
}, 300_000);
