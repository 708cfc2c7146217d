/** What the kernel's routes of other owners become: a preference that says their metric, told anew when the rules change. */
import { expect, test } from '@jest/globals';
import type { ForeignCandidate, ForeignRoutesPort } from '../../../bgpd/ports.ts';
import { Redistribution } from '../../../bgpd/redistribution.ts';
import { compileFilters } from '../../../bgpd/rib/filter.ts';
import type { Redistributed } from '../../../bgpd/rib/own-routes.ts';
import type { GlobalSection } from '../../../config/messages/speaker-config.ts';
import type { Prefix } from '../../../lib/ip/prefix.ts';
import { prefix, showPrefix } from '../../../lib/ip/text.ts';
import { globalSection } from '../../support/speaker-config.ts';

const route = (some: Partial<ForeignCandidate>): ForeignCandidate => ({ kind: 'static', metric: 0, interfaceIndex: 7, gateway: undefined, ...some });

function redistributing(routes: Readonly<Record<string, ForeignCandidate>>) {
  const told: string[] = [];
  let follows = 0;
  const foreign: ForeignRoutesPort = {
    ignoreInterfaces: () => undefined,
    follow: (listener) => {
      follows++;
      listener(new Map(Object.entries(routes).map(([text, candidate]) => [prefix(text), candidate])));
      return { [Symbol.dispose]: () => { follows--; } };
    },
  };
  const rib = {
    redistribute: (own: ReadonlyMap<Prefix, Redistributed | undefined>) => { for (const [p, how] of own) told.push(`${showPrefix(p)} ${how?.localPref ?? 'default'}`); },
    endRedistribution: () => { told.push('end'); },
  };
  const redistribution = new Redistribution({ foreign }, { ipv4: rib, ipv6: rib } as never, () => undefined);
  return {
    configure: (kernel: Partial<GlobalSection['kernel']>, texts = '') => { redistribution.configure(globalSection({ kernel }).kernel, compileFilters([]), texts); },
    take: () => told.splice(0),
    follows: () => follows,
  };
}

test('connected routes, and those without a metric, have the normal one, whatever the kernel gives them; others say their own', () => {
  const { configure, take } = redistributing({
    '10.1.0.0/24': route({ metric: 512 }), '10.2.0.0/24': route({}), 'fd00:1::/64': route({ kind: 'connected', metric: 256 }),
  });
  configure({ redistribute: 'f', metricFromLocalPref: true, metric: 1024, metric6: 2048 });
  expect(take().sort()).toEqual([
    `10.1.0.0/24 ${2_147_483_647 - 512}`, `10.2.0.0/24 ${2_147_483_647 - 1024}`, `fd00:1::/64 ${2_147_483_647 - 2048}`,
  ]);
  configure({ redistribute: 'f' });
  expect(take()).toContain('10.1.0.0/24 default');
});

test('other rules under the same name are asked of every route; the same ones of none; no name ends it', () => {
  const { configure, take, follows } = redistributing({ '10.1.0.0/24': route({}) });
  configure({ redistribute: 'f' }, 'one');
  expect(take()).toEqual(['10.1.0.0/24 default']);
  configure({ redistribute: 'f' }, 'one');
  expect(take()).toEqual([]);
  configure({ redistribute: 'f' }, 'two');
  expect([take(), follows()]).toEqual([['10.1.0.0/24 default'], 1]);
  configure({});
  expect([take(), follows()]).toEqual([['end', 'end'], 0]);
});
