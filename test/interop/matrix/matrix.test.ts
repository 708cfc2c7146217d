/**
 * Our speaker with five others, feature by feature: what docs/interop.md claims. Each daemon is started once with
 * everything switched on. `UPDATE_GOLDEN=1` writes the page; otherwise it must be as the run and `cells.ts` have it.
 */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { namespaces, program, root } from '../../support/capabilities.ts';
import { skipUnless } from '../../support/skip.ts';
import { FEATURES, LACKS, PEERS, type Feature, type PeerName } from './cells.ts';
import { TESTS } from './features.ts';
import { OURS, SRC, THEIRS, type Peer } from './peer.ts';
import { bird } from './peers/bird.ts';
import { exabgp } from './peers/exabgp.ts';
import { frr } from './peers/frr.ts';
import { gobgp } from './peers/gobgp.ts';
import { openbgpd } from './peers/openbgpd.ts';
import { startRig, tshark, type Rig } from './rig.ts';
import { page, pageWithoutVersions, type Results } from './page.ts';

const CELL_MS = 120_000;
const DAEMONS: { readonly [P in PeerName]: Peer } = { 'BIRD 2': bird, 'FRR': frr, 'GoBGP': gobgp, 'OpenBGPD': openbgpd, 'ExaBGP': exabgp };
const PAGE = 'docs/interop.md';
const results: Results = { versions: {}, passed: {}, capabilities: {} };

for (const name of PEERS) {
  const peer = DAEMONS[name];
  const cell = skipUnless(root, namespaces, program('bird'), program('tcpdump'), program('tshark'), ...peer.needs);
  describe(`${name}:`, () => {
    let rig: Rig | undefined;
    beforeAll(async () => {
      if (cell !== test) return;
      rig = await startRig(peer);
      results.versions[name] = peer.version();
      results.passed[name] = [];
    }, CELL_MS);
    afterAll(async () => { await rig?.[Symbol.asyncDispose](); }, CELL_MS);

    for (const feature of Object.keys(FEATURES) as Feature[]) {
      if (LACKS[name][feature] !== undefined) continue;
      cell(FEATURES[feature][0], async () => {
        try {
          await TESTS[feature](rig!);
        } catch (error) {
          if (error instanceof Error) error.message += `\n\nour log:\n${tail(rig?.ours.log ?? '')}\n\ntheir log:\n${tail(rig?.theirs.output ?? '')}`;
          throw error;
        }
        results.passed[name]!.push(feature);
      }, CELL_MS);
    }

    cell('tshark reads everything that we sent, and their OPEN says what they lack', async () => {
      const file = await rig!.captured();
      const ours = [OURS.v4, OURS.v6, OURS.x, OURS.src, OURS.int, SRC.ourInternal];
      const fromUs = `(sll.pkttype == 4 || !sll) && bgp && (${ours.map((a) => `${a.includes(':') ? 'ipv6' : 'ip'}.src == ${a}`).join(' || ')} || ipv6.src == fe80::/10)`;
      const types = new Set(tshark(file, fromUs, 'bgp.type').flatMap(([types_]) => types_!.split(',')));
      const spoken = ['1', '2', ...('shutdownOurs' in LACKS[name] ? [] : ['3']), '4'];      // a NOTIFICATION where a cell sends one
      expect([...types].sort()).toEqual(expect.arrayContaining(spoken));
      // tshark 4.0 does not know RFC 8654, and says of longer messages that their length is wrong.
      const wrong = tshark(file, `${fromUs} && (_ws.malformed || (_ws.expert.severity == 0x00800000 && bgp))`, 'frame.number', '_ws.expert.message');
      expect(wrong.filter(([, messages]) => !/^(Length is invalid (4[1-9]|[5-9]\d)\d\d,?)+$/.test(messages ?? ''))).toEqual([]);
      const opens = tshark(file, `bgp.type == 1 && ip.src == ${THEIRS.v4}`, 'bgp.cap.type');
      const codes = [...new Set(opens.flatMap(([list]) => list!.split(',').map(Number)))].sort((a, b) => a - b);
      results.capabilities[name] = codes;
      const lacking = Object.values(LACKS[name]).flatMap((lack) => ('noCapability' in lack ? [lack.noCapability] : []));
      expect([codes.length > 2, lacking.filter((code) => codes.includes(code))]).toEqual([true, []]);
    }, CELL_MS);
  });
}

const all = skipUnless(root, namespaces, program('bird'), program('tcpdump'), program('tshark'), ...PEERS.flatMap((name) => DAEMONS[name].needs));
all(`${PAGE} says what this run has shown`, () => {
  if (process.env['UPDATE_GOLDEN'] === '1') writeFileSync(PAGE, page(results));
  expect(pageWithoutVersions(existsSync(PAGE) ? readFileSync(PAGE, 'utf8') : '')).toBe(pageWithoutVersions(page(results)));
});

const tail = (text: string): string => text.split('\n').slice(-40).join('\n');
