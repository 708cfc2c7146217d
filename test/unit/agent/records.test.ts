/** Attachments on disk: one file that is not ours, or not whole, costs nothing but itself. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { Attachment } from '../../../agent/endpoints/attachment.ts';
import { openRecords } from '../../../agent/records.ts';
import { silentLog } from '../../../lib/log.ts';

const ATTACHMENT: Attachment = {
  state: 'attached', kind: 'link', network: 'net', containerId: 'c1', interfaceName: 'eth0', netns: '/ns', netnsInode: 7, pod: undefined, handle: 'net.c1',
  hostInterface: 'cali1', podMac: '02:00:00:00:00:01', mtu: 0, families: ['ipv4'], allowIpForwarding: false, addresses: [], blockLengths: [], sinceMs: 1,
};

let directory: string;
beforeEach(() => { directory = mkdtempSync(join(tmpdir(), 'tortie-records-')); });
afterEach(() => { rmSync(directory, { recursive: true }); });

test('what cannot be read is told and left where it is; half-written files go; the others are loaded', () => {
  const told: unknown[] = [];
  const records = openRecords(directory, { ...silentLog, warn: (event, fields) => { told.push([event, fields?.['path']]); } });
  records.put(ATTACHMENT);
  writeFileSync(join(directory, 'empty@eth0.json'), '');
  mkdirSync(join(directory, 'folder@eth0.json'));
  mkdirSync(join(directory, 'folder.tmp'));
  writeFileSync(join(directory, 'half@eth0.json.tmp'), '{"ver');
  expect(records.load()).toEqual([ATTACHMENT]);
  expect(told).toEqual(['empty@eth0.json', 'folder.tmp', 'folder@eth0.json'].map((name) => ['record.unreadable', join(directory, name)]));
  expect(readdirSync(directory)).toEqual(['c1@eth0.json', 'empty@eth0.json', 'folder.tmp', 'folder@eth0.json']);
});
