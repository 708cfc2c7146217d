/** What each cell of the matrix does. They run in this order on one rig, and leave every session as they found it. */
import { expect } from '@jest/globals';
import type { Family } from '../../../lib/ip/prefix.ts';
import { deletedIn } from '../../support/interop.ts';
import { eventually } from '../../support/namespaces.ts';
import type { Feature } from './cells.ts';
import {
  BEYOND_ASNS, CLIENT_ROUTE, HOLD_SECONDS, KEY, MANY, OURS, OUR_ASN, OUR_BLOCK, SRC_ASN, SRC_INTERNAL_ROUTE, SRC_LARGE, SRC_NO_EXPORT, SRC_TAGGED, SRC_TWO_WAYS,
  THEIRS, THEIR_ASN, THEIR_LARGE, THEIR_LEAVING, THEIR_NO_EXPORT, THEIR_ROUTE, THEIR_TAGGED, THEIR_TWO_WAYS,
} from './peer.ts';
import { UP_MS, type Rig } from './rig.ts';
import { birdRoutes } from './peers/bird.ts';

const LLGR_STALE = '65535:6';
const GRACEFUL_SHUTDOWN = '65535:0';

const atSrc = (rig: Rig, prefix: string, protocol: 'outside' | 'inside'): ReturnType<typeof birdRoutes> => birdRoutes(rig.src, prefix, protocol);

/** Everything that our kernel would hand a packet to, for one prefix. */
const gateways = (rig: Rig, prefix: string): (string | undefined)[] => rig.us.routes(prefix.includes(':') ? 6 : 4, 'proto', '84').filter((r) => r.dst === prefix)
  .flatMap((r) => r.nexthops?.map((h) => h.gateway ?? (h as { via?: { host: string } }).via?.host) ?? [r.gateway ?? r.via?.host]);

async function up(rig: Rig, name: 'v4' | 'v6'): Promise<void> {
  await rig.ours.established(UP_MS, name);
  expect(await rig.ours.peer(name)).toMatchObject({ asn: THEIR_ASN, holdTimeSeconds: HOLD_SECONDS, families: [name === 'v4' ? 'ipv4' : 'ipv6' satisfies Family] });
  await eventually(UP_MS, () => { expect(rig.theirs.shown(OUR_BLOCK[name], name)).toHaveLength(1); });
}

async function bothWays(rig: Rig, name: 'v4' | 'v6'): Promise<void> {
  await eventually(UP_MS, () => {
    expect(gateways(rig, THEIR_ROUTE[name])).toContainEqual(expect.stringMatching(name === 'v4' ? /^10\.9\.0\.2$/ : /^(fd09::2|fe80::.*)$/));
    expect(rig.theirs.shown(OUR_BLOCK[name], name)).toMatchObject([{ asPath: String(OUR_ASN), nextHop: expect.stringMatching(name === 'v4' ? /^10\.9\.0\.1$/ : /fd09::1|fe80::/) as unknown }]);
  });
}

/** Our side is killed, and started again when `while` has seen what becomes of our route on theirs. */
async function awayFor(rig: Rig, meanwhile: () => Promise<unknown>): Promise<void> {
  await eventually(UP_MS, () => { expect(rig.theirs.shown(OUR_BLOCK.v4, 'v4')).toHaveLength(1); });
  rig.ours.process.signal('SIGKILL');
  await rig.ours.process.ended;
  try {
    await meanwhile();
  } finally {
    await rig.ours.startAgain();
  }
  await rig.ours.established(UP_MS, 'v4', 'v6');
  await eventually(UP_MS, () => {
    const [route, ...more] = rig.theirs.shown(OUR_BLOCK.v4, 'v4');
    expect([route?.asPath, route?.communities.includes(LLGR_STALE), more]).toEqual([String(OUR_ASN), false, []]);
  });
}

/** Their side is killed, and started again when `meanwhile` has seen what becomes of their route in ours. */
async function theyAreAway(rig: Rig, meanwhile: () => Promise<unknown>): Promise<void> {
  await rig.ours.established(UP_MS, 'v4', 'v6');
  await eventually(UP_MS, async () => {
    for (const name of ['v4', 'v6'] as const) expect(await rig.paths(THEIR_ROUTE[name], name)).toMatchObject([{ stale: false }]);
  });
  const monitor = await rig.us.monitorRoutes();
  await rig.theirs.kill();
  try {
    await meanwhile();
  } finally {
    rig.theirs = await rig.peer.start(rig.them, { role: 'external', isRecovering: true });
  }
  await rig.ours.established(UP_MS, 'v4', 'v6');
  await eventually(UP_MS, async () => {
    for (const name of ['v4', 'v6'] as const) expect(await rig.paths(THEIR_ROUTE[name], name)).toMatchObject([{ stale: false, communities: [] }]);
    expect((await rig.ours.peer('v4')).stale).toBe(0);
  });
  expect(deletedIn(await monitor.read(), Object.values(THEIR_ROUTE))).toEqual([]);
}

/** The sets are compared in any order: a speaker may sort them. */
const sorted = (list: readonly string[]): string[] => [...list].sort();

export const TESTS: { readonly [F in Feature]: (rig: Rig) => Promise<void> } = {
  gtsm: async (rig) => {
    // v4 demands what the peer does only where it is told to, on v6, where it demands the same of us.
    await eventually(UP_MS, async () => { expect((await rig.ours.peer('v4')).info).toMatch(/TTL \d+ was refused|more than 1 hops away/); });
    expect((await rig.ours.peer('v4')).counters.established).toBe(0);
    await up(rig, 'v6');
  },
  md5: async (rig) => {
    await rig.set({ v4: { password: 'wrong', ttlSecurityHops: undefined } as object });
    await eventually(UP_MS, async () => { expect((await rig.ours.peer('v4')).info).toMatch(/MD5 key mismatch\?/); });
    expect((await rig.ours.peer('v4')).counters.established).toBe(0);
    await rig.set({ v4: { password: KEY } });
    await up(rig, 'v4');
  },
  sessionV4: (rig) => up(rig, 'v4'),
  sessionV6: (rig) => up(rig, 'v6'),
  routesV4: (rig) => bothWays(rig, 'v4'),
  routesV6: (rig) => bothWays(rig, 'v6'),
  communities: async (rig) => {
    const of = (asn: number): readonly [string[], string[], string[]] => [[`${asn}:7`], [`${asn}:1:2`], [`rt:${asn}:9`]];
    await eventually(UP_MS, async () => {
      const [route] = await rig.paths(THEIR_TAGGED, 'v4');
      expect([route?.communities, route?.largeCommunities, route?.extendedCommunities]).toEqual(of(THEIR_ASN));
      const [shown] = rig.theirs.shown(SRC_TAGGED, 'v4');
      expect([shown?.communities, shown?.large, shown?.extended]).toEqual(of(SRC_ASN));
    });
  },
  wellKnown: async (rig) => {
    await eventually(UP_MS, async () => {
      expect(await rig.paths(THEIR_NO_EXPORT, 'v4')).toMatchObject([{ communities: ['65535:65281'] }]);
      expect(gateways(rig, THEIR_NO_EXPORT)).not.toEqual([]);
      expect(await rig.paths(SRC_NO_EXPORT, 'src')).toHaveLength(1);
      expect(atSrc(rig, THEIR_ROUTE.v4, 'outside')).toHaveLength(1);
      expect(rig.theirs.shown(SRC_TAGGED, 'v4')).toHaveLength(1);
    });
    expect([atSrc(rig, THEIR_NO_EXPORT, 'outside'), rig.theirs.shown(SRC_NO_EXPORT, 'v4')]).toEqual([[], []]);
    expect(atSrc(rig, THEIR_NO_EXPORT, 'inside')).toHaveLength(1);
  },
  addPathSend: async (rig) => {
    await eventually(UP_MS, () => {
      expect(sorted(rig.theirs.shown(SRC_TWO_WAYS, 'v4').map((r) => r.asPath))).toEqual([`${OUR_ASN} ${SRC_ASN} 65011`, `${OUR_ASN} ${SRC_ASN} 65012`]);
    });
  },
  addPathReceive: async (rig) => {
    await eventually(UP_MS, async () => {
      const paths = await rig.paths(THEIR_TWO_WAYS, 'v4');
      expect(sorted(paths.map((p) => p.asPath))).toEqual(BEYOND_ASNS.map((asn) => `${THEIR_ASN} ${asn}`));
      expect(new Set(paths.map((p) => p.pathId)).size).toBe(2);
    });
  },
  extendedSend: async (rig) => {
    await eventually(UP_MS, () => { expect(rig.theirs.communities?.(SRC_LARGE, 'v4') ?? rig.theirs.shown(SRC_LARGE, 'v4')[0]?.communities.length).toBe(MANY); });
  },
  extendedReceive: async (rig) => {
    await eventually(UP_MS, async () => { expect((await rig.paths(THEIR_LARGE, 'v4')).map((p) => p.communities.length)).toEqual([MANY]); });
  },
  refreshTheirs: async (rig) => {
    const before = (await rig.ours.detail('v4')).messages;
    rig.theirs.refresh();
    await eventually(UP_MS, async () => {
      const { messages } = await rig.ours.detail('v4');
      expect(messages.in.routeRefresh).toBeGreaterThan(before.in.routeRefresh);
      expect(messages.out.update).toBeGreaterThan(before.out.update);
    });
    expect(rig.theirs.shown(OUR_BLOCK.v4, 'v4')).toHaveLength(1);
  },
  refreshOurs: async (rig) => {
    const monitor = await rig.us.monitorRoutes();
    const before = (await rig.ours.detail('v4')).messages;
    await rig.ours.clear('v4', 'soft-in');
    await eventually(UP_MS, async () => {
      const { messages } = await rig.ours.detail('v4');
      expect(messages.out.routeRefresh).toBeGreaterThan(before.out.routeRefresh);
      expect(messages.in.update).toBeGreaterThan(before.in.update);
    });
    expect(await rig.paths(THEIR_ROUTE.v4, 'v4')).toHaveLength(1);
    expect(deletedIn(await monitor.read(), [THEIR_ROUTE.v4])).toEqual([]);
  },
  enhanced: async (rig) => {
    const before = (await rig.ours.detail('v4')).messages;
    rig.theirs.refresh();
    await eventually(UP_MS, async () => { expect((await rig.ours.detail('v4')).messages.out.routeRefresh).toBe(before.out.routeRefresh + 2); });
    const between = (await rig.ours.detail('v4')).messages;
    await rig.ours.clear('v4', 'soft-in');
    await eventually(UP_MS, async () => { expect((await rig.ours.detail('v4')).messages.in.routeRefresh).toBe(between.in.routeRefresh + 2); });
    expect(await rig.paths(THEIR_ROUTE.v4, 'v4')).toHaveLength(1);
  },
  gshutReceive: async (rig) => {
    await eventually(UP_MS, async () => {
      const { routes } = await rig.ours.routes({ prefix: THEIR_LEAVING });
      expect(routes[0]?.paths.find((p) => p.best)).toMatchObject({ peer: 'src' });
      expect(routes[0]?.paths.find((p) => p.peer === 'v4')).toMatchObject({ communities: [GRACEFUL_SHUTDOWN], asPath: String(THEIR_ASN) });
    });
  },
  gshutSend: async (rig) => {
    const seen = (): unknown => rig.theirs.shown(OUR_BLOCK.v4, 'v4').map((r) => r.communities);
    await rig.set({ v4: { gracefulShutdown: true } });
    await eventually(UP_MS, () => { expect(seen()).toEqual([[GRACEFUL_SHUTDOWN]]); });
    await rig.set({ v4: { gracefulShutdown: false } });
    await eventually(UP_MS, () => { expect(seen()).toEqual([[]]); });
  },
  roles: async (rig) => {
    await eventually(UP_MS, () => { expect(rig.theirs.shown(OUR_BLOCK.v4, 'v4')).toMatchObject([{ otc: OUR_ASN }]); });
    await rig.set({ v4: { role: { local: 'customer', strict: true } } });
    await eventually(UP_MS, async () => { expect((await rig.ours.peer('v4')).lastError).toMatch(/role mismatch/); });
    expect((await rig.ours.peer('v4')).state).not.toBe('Established');
    await rig.set({ v4: { role: { local: 'provider', strict: true } } });
    rig.theirs.hurry?.();
    await up(rig, 'v4');
  },
  nextHop6: async (rig) => {
    await rig.ours.established(UP_MS, 'x');
    await eventually(UP_MS, async () => {
      expect((await rig.paths(THEIR_ROUTE.v4, 'x')).map((p) => p.nextHop)).toEqual([THEIRS.x]);
      expect(gateways(rig, THEIR_ROUTE.v4)).toContainEqual(expect.stringMatching(/^fd0a::2$/));
      expect(rig.theirs.shown(OUR_BLOCK.v4, 'x')).toMatchObject([{ nextHop: expect.stringMatching(/fd0a::1|fe80::/) as unknown, asPath: String(OUR_ASN) }]);
    });
  },
  unnumbered: async (rig) => {
    await rig.ours.established(UP_MS, 'un');
    expect(await rig.ours.peer('un')).toMatchObject({ asn: THEIR_ASN, address: expect.stringMatching(/^fe80:/) as unknown, families: ['ipv4', 'ipv6'] });
    await eventually(UP_MS, async () => {
      for (const route of Object.values(THEIR_ROUTE)) {
        expect(await rig.paths(route, 'un')).toMatchObject([{ nextHop: expect.stringMatching(/^fe80:/) as unknown }]);
        expect(JSON.stringify(rig.us.routes(route.includes(':') ? 6 : 4, 'proto', '84').filter((r) => r.dst === route))).toContain('un0');
      }
    });
  },
  reflection: async (rig) => {
    const client = await rig.peer.start(rig.int, { role: 'client' });
    try {
      await rig.ours.established(UP_MS, 'int', 'src-int');
      await eventually(UP_MS, () => {
        expect(client.shown(SRC_INTERNAL_ROUTE, 'int')).toMatchObject([{ originator: '10.8.0.2', clusters: [OURS.v4] }]);
        expect(atSrc(rig, CLIENT_ROUTE, 'inside')).toMatchObject([{ originator: THEIRS.int, clusters: [OURS.v4], nextHop: THEIRS.int }]);
      });
    } finally {
      await client.kill();
    }
  },
  restartOurs: (rig) => awayFor(rig, async () => {
    await eventually(UP_MS, () => { expect(rig.ours.process.running).toBe(false); });
    expect(rig.theirs.shown(OUR_BLOCK.v4, 'v4')).toMatchObject([{ asPath: String(OUR_ASN) }]);
  }),
  restartTheirs: (rig) => theyAreAway(rig, async () => {
    await eventually(UP_MS, async () => { expect((await rig.paths(THEIR_ROUTE.v4, 'v4'))[0]).toMatchObject({ stale: true }); });
  }),
  longLivedOurs: (rig) => awayFor(rig, async () => {
    await eventually(UP_MS, () => { expect(rig.theirs.shown(OUR_BLOCK.v4, 'v4')).toMatchObject([{ communities: expect.arrayContaining([LLGR_STALE]) as unknown }]); });
  }),
  longLivedTheirs: (rig) => theyAreAway(rig, async () => {
    await eventually(UP_MS, async () => {
      for (const name of ['v4', 'v6'] as const) expect(await rig.paths(THEIR_ROUTE[name], name)).toMatchObject([{ stale: true, communities: [LLGR_STALE] }]);
    });
    expect(gateways(rig, THEIR_ROUTE.v4)).not.toEqual([]);
  }),
  shutdownOurs: async (rig) => {
    await rig.set({ v4: { shutdown: { message: 'back at noon' } } });
    await eventually(UP_MS, () => { expect(rig.theirs.heard()).toContain('back at noon'); });
    expect((await rig.ours.peer('v4')).state).toBe('Idle');
    await rig.set({ v4: { shutdown: undefined } as object });
    rig.theirs.hurry?.();
    await up(rig, 'v4');
  },
  shutdownTheirs: async (rig) => {
    rig.theirs.shutdown('line card');
    await eventually(UP_MS, async () => { expect((await rig.ours.detail('v4')).errors.map((e) => e.text)).toContain('received: Cease: administrative shutdown ("line card")'); });
    rig.theirs.enable();
    await up(rig, 'v4');
  },
};
