/** What docs/bgp.md prints can be typed, and nothing that can be said is missing there. */
import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { Command } from 'commander';
import { parseAllDocuments } from 'yaml';
import { addBgp } from '../../cli/bgp.ts';
import { CONFIGURATION_ANNOTATIONS, NODE_ACTIONS, PEER_ANNOTATIONS, readAnnotations } from '../../config/kinds/tortie-annotations.ts';
import type { Problem } from '../../lib/errors.ts';

const MANUAL = readFileSync('docs/bgp.md', 'utf8');
const TABLES: Readonly<Record<string, Parameters<typeof readAnnotations>[0]>> = { BGPPeer: PEER_ANNOTATIONS, BGPConfiguration: CONFIGURATION_ANNOTATIONS, BGPFilter: {} };

interface Manifest { readonly apiVersion?: string; readonly kind?: string; readonly metadata?: { readonly name?: string; readonly annotations?: Record<string, string> } }

test('every manifest is whole, and its annotations are understood', () => {
  const manifests = [...MANUAL.matchAll(/^```yaml\n(.*?)^```$/gms)].flatMap(([, body]) => parseAllDocuments(body!)).map((d) => d.toJS() as Manifest);
  expect(manifests.length).toBeGreaterThan(10);
  for (const { apiVersion, kind = '', metadata } of manifests) {
    expect([apiVersion, Object.keys(TABLES), metadata?.name]).toEqual(['projectcalico.org/v3', expect.arrayContaining([kind]), expect.any(String)]);
    const problems: Problem[] = [];
    readAnnotations(TABLES[kind]!, metadata!.annotations, metadata!.name!, problems);
    expect(problems).toEqual([]);
  }
});

test('every annotation stands in a table', () => {
  const known = [PEER_ANNOTATIONS, CONFIGURATION_ANNOTATIONS, NODE_ACTIONS].flatMap((table) => Object.keys(table));
  expect(known.filter((name) => !new RegExp(`^\\| .*\`${name}\``, 'm').test(MANUAL))).toEqual([]);
});

test('every command of tortiectl bgp is there', () => {
  const bgp = new Command('bgp');
  addBgp(bgp);
  expect(bgp.commands.map((c) => c.name()).filter((name) => !MANUAL.includes(`tortiectl bgp ${name}`))).toEqual([]);
});
