/** Guards: what no peer may announce, and what changes when they do. */
import { expect, test } from '@jest/globals';
import { Guards, type GuardSettings } from '../../../../bgpd/rib/guards.ts';
import { ip, prefix } from '../../../../lib/ip/text.ts';

/** A neighbour that is connected on interface 3. */
const NEIGHBOUR = ip('192.0.2.7');
const guards = (some: Partial<GuardSettings> = {}): Guards => {
  const made = new Guards((address) => (address === NEIGHBOUR ? 3 : 0));
  made.configure({ martians: true, ownBlocks: true, except: [], blocks: [], ...some });
  return made;
};
const refusals = (of: Guards, ...texts: string[]): (string | undefined)[] => texts.map((text) => of.refusal(prefix(text), 2));

const BLOCKS = ['10.1.0.0/26', '10.2.0.0/24', 'fd00:1::/122'].map(prefix);
const OURS = 'inside a block of this node';

test('martians, but for pools that are configured, or all when the guard is off', () => {
  const texts = ['240.1.0.0/16', '240.1.1.1/32', '240.2.0.0/16', '10.0.0.0/8'];
  expect(refusals(guards(), ...texts)).toEqual(['martian: reserved', 'martian: reserved', 'martian: reserved', undefined]);
  expect(refusals(guards({ except: [prefix('240.1.0.0/16')] }), ...texts)).toEqual([undefined, undefined, 'martian: reserved', undefined]);
  expect(refusals(guards({ martians: false }), ...texts)).toEqual([undefined, undefined, undefined, undefined]);
});

test('own blocks and what lies inside, host routes excepted, or nothing when the guard is off', () => {
  const texts = ['10.1.0.0/26', '10.1.0.32/27', '10.2.0.128/25', 'fd00:1::/122', 'fd00:1::/127'];
  expect(refusals(guards({ blocks: BLOCKS }), ...texts)).toEqual(texts.map(() => OURS));
  expect(refusals(guards({ blocks: BLOCKS }), '10.1.0.5/32', 'fd00:1::5/128', '10.1.0.0/25', '10.1.0.64/26', '0.0.0.0/0', '::/0', 'fd00:2::/122')).toEqual(Array(7).fill(undefined));
  expect(refusals(guards({ blocks: BLOCKS, ownBlocks: false }), ...texts)).toEqual(texts.map(() => undefined));
});

test('the host route of a neighbour is let in only from its own link, with the neighbour itself as next hop', () => {
  const host = prefix('192.0.2.7/32');
  const astray = 'address of a neighbour that is not reached this way';
  expect([2, 3, 0].map((index) => guards().refusal(host, index, ip('192.0.2.7')))).toEqual([astray, undefined, astray]);
  expect([guards().refusal(host, 3, ip('192.0.2.9')), guards().refusal(host, 3)]).toEqual([astray, astray]);
  expect(guards().refusal(prefix('192.0.2.0/24'), 2)).toBeUndefined();
  expect(guards().refusal(prefix('192.0.2.8/32'), 2)).toBeUndefined();
});

test('a change tells which prefixes must be judged again', () => {
  const settings: GuardSettings = { martians: true, ownBlocks: true, except: [], blocks: BLOCKS };
  const made = guards({ blocks: BLOCKS });
  expect(made.configure({ ...settings, blocks: [...BLOCKS] })).toBeUndefined();
  const affected = made.configure({ ...settings, blocks: [BLOCKS[1]!, prefix('10.3.0.0/24')] })!;
  expect(['10.1.0.0/26', '10.1.0.1/32', '10.2.0.0/24', '10.3.0.0/25', 'fd00:1::/122', '10.0.0.0/8'].map((text) => affected(prefix(text))))
    .toEqual([true, true, false, true, true, false]);
  expect(made.configure({ ...settings, martians: false, blocks: [BLOCKS[1]!, prefix('10.3.0.0/24')] })!(prefix('1.0.0.0/8'))).toBe(true);
  const off = made.configure({ ...settings, martians: false, ownBlocks: false })!;
  expect([off(prefix('10.2.0.0/24')), off(prefix('10.9.0.0/24'))]).toEqual([true, false]);
});
