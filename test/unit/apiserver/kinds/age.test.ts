import { expect, test } from '@jest/globals';
import { ageSince, shortDuration } from '../../../../apiserver/kinds/age.ts';
import { byPriority } from '../../../../apiserver/kinds/registry.ts';

const [MINUTE, HOUR, DAY] = [60, 3600, 86_400];

test.each([
  [0, '0s'], [119, '119s'], [2 * MINUTE, '2m'], [2 * MINUTE + 5, '2m5s'], [10 * MINUTE + 5, '10m'], [179 * MINUTE, '179m'], [3 * HOUR, '3h'], [3 * HOUR + 5 * MINUTE, '3h5m'],
  [8 * HOUR + MINUTE, '8h'], [47 * HOUR, '47h'], [2 * DAY, '2d'], [2 * DAY + HOUR, '2d1h'], [8 * DAY + HOUR, '8d'], [729 * DAY, '729d'], [730 * DAY, '2y'], [731 * DAY, '2y1d'], [3000 * DAY, '8y'],
])('%i seconds are %s', (seconds, text) => { expect(shortDuration(seconds)).toBe(text); });

test('a time that is none has no age, one to come is now', () => {
  expect([ageSince(undefined, 0), ageSince('x', 0), ageSince('2020-01-01T00:00:05Z', Date.parse('2020-01-01T00:00:00Z'))]).toEqual(['<unknown>', '<unknown>', '0s']);
});

test('versions: stable before beta before alpha, then the rest by name', () => {
  expect(['foo', 'v1alpha1', 'v2', 'v1beta2', 'v10', 'v1beta1', 'bar', 'v1'].sort(byPriority)).toEqual(['v10', 'v2', 'v1', 'v1beta2', 'v1beta1', 'v1alpha1', 'bar', 'foo']);
});
