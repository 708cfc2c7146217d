import { expect, test } from '@jest/globals';
import { Registry } from '../../../agent/registry.ts';

const registry = (): Registry => new Registry({ load: () => [], put: () => undefined, remove: () => undefined });

test('turns of one pod follow each other, also after one that failed; those of other pods do not wait', async () => {
  const { turn } = { turn: Registry.prototype.turn.bind(registry()) };
  const { promise: until, resolve } = Promise.withResolvers<void>();
  const began: string[] = [];
  const first = turn('cali1', async () => { began.push('first'); await until; throw new Error('no memory'); });
  const second = turn('cali1', () => { began.push('second'); return Promise.resolve('done'); });
  await turn('cali2', () => { began.push('other'); return Promise.resolve(); });
  expect(began).toEqual(['first', 'other']);
  resolve();
  await expect(first).rejects.toThrow('no memory');
  expect(await second).toBe('done');
  expect(began).toEqual(['first', 'other', 'second']);
});
