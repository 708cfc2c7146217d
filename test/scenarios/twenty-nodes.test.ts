/** Twenty nodes on this machine: a full mesh in both families, pods that reach each other, and what it costs in memory. */
import { expect } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { FAMILIES, addressOf } from '../../lab/matrix.ts';
import { eventually } from '../support/eventually.ts';
import { established, scenariosOf } from '../support/lab.ts';

const NODES = 20;
const SAMPLES = 20;
const MESH_MS = 120_000;
const scenario = scenariosOf({ nodes: NODES });

/** Proportional set size of a process in KiB. */
const pssOf = (pid: number): number => Number(/^Pss:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8'))?.[1] ?? 0);

scenario('all 190 pairs of nodes are Established in both families, twenty sampled pairs of pods pass, total PSS is printed', async (lab) => {
  const { startedAtMs } = await lab.view();
  await established(lab, MESH_MS);
  const seconds = ((Date.now() - startedAtMs) / 1000).toFixed(1);
  const peers = (await Promise.all(lab.nodes.map((n) => n.speaker()))).flatMap((s) => s!.peers.filter((p) => p.origin === 'mesh' && p.state === 'Established'));
  expect(peers.length).toBe(NODES * (NODES - 1) * FAMILIES.length);

  const pods = await Promise.all(lab.nodeNames.map((node) => lab.pod(`pod-${node}`, { node })));
  const pairs = Array.from({ length: SAMPLES }, (_, i) => [pods[i]!, pods[(i * 7 + 3) % NODES]!] as const);
  await eventually(MESH_MS, async () => {
    for (const [from, to] of pairs) {
      for (const family of FAMILIES) {
        expect([from.name, to.name, await lab.reaches(from.name, to, { proto: 'tcp', family })]).toEqual([from.name, to.name, addressOf(from, family)]);
      }
    }
  });

  const view = await lab.view();
  const sums = ['bgpd', 'agent'].map((name) => [name, view.nodes.flatMap((n) => n.daemons).filter((d) => d.name === name && d.pid !== null)
    .reduce((sum, d) => sum + pssOf(d.pid!), 0)] as const);
  const total = sums.reduce((sum, [, kib]) => sum + kib, 0);
  process.stdout.write(`      ${NODES} nodes: mesh complete after ${seconds} s; PSS ${(total / 1024).toFixed(0)} MiB (${
    sums.map(([name, kib]) => `${name} ${(kib / 1024 / NODES).toFixed(1)} MiB a node`).join(', ')})\n`);
}, 400_000);
