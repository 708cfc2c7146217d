/** JSON of wrong shapes, made of a right one. */
import type { Seeded } from '../support/seeded.ts';

const WRONG: readonly unknown[] = [
  null, true, false, 0, -1, 1.5, 1e300, 4_294_967_296, 2n ** 70n, '', ' ', 'x', '10.0.0.1', '10.0.0.1/24', 'fe80::1%eth0', '::/0', '255.255.255.255/32', '65000:1',
  'a\u0000b', '\ud800', 'x'.repeat(5_000), '__proto__', [], {}, [[]], [null], [{}], { length: 7 }, { toString: 1 }, Array.from({ length: 3_000 }, (_, i) => i),
];

type Place = readonly (string | number)[];

/** A copy in which one to three places hold something else, are gone, or are there twice. */
export function misshapen(random: Seeded, value: unknown): unknown {
  let copy = structuredClone(value);
  for (let i = 1 + random.below(3); i > 0; i--) {
    const places = [...placesIn(copy, [])];
    const place = random.pick(places);
    copy = changed(copy, place, (old) => {
      switch (random.below(5)) {
        case 0: return undefined;
        case 1: return Array.isArray(old) ? [...(old as unknown[]), ...(old as unknown[])] : [old];
        case 2: return { [String(place.at(-1) ?? 'x')]: old };
        case 3: return nested(random.below(60));
        default: return random.pick(WRONG);
      }
    });
  }
  return copy;
}

function* placesIn(value: unknown, at: Place): Generator<Place> {
  yield at;
  if (typeof value !== 'object' || value === null || at.length > 8) return;
  for (const key of Object.keys(value).slice(0, 60)) yield* placesIn((value as Record<string, unknown>)[key], [...at, Array.isArray(value) ? Number(key) : key]);
}

function changed(value: unknown, [first, ...rest]: Place, by: (old: unknown) => unknown): unknown {
  if (first === undefined) return by(value);
  const copy = Array.isArray(value) ? [...(value as unknown[])] : { ...(value as object) };
  const fields = copy as Record<string | number, unknown>;
  fields[first] = changed(fields[first], rest, by);
  return copy;
}

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let i = 0; i < depth; i++) value = i % 2 === 0 ? [value] : { a: value };
  return value;
}
