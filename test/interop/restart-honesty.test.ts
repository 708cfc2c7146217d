/** What a foreign helper makes of our restart when our routes are gone, of a drain, and when we do not come back: nothing stale outlives its reason. */
import { expect, test } from '@jest/globals';
import { FAMILIES } from '../../lib/ip/prefix.ts';
import { bird } from '../support/bird.ts';
import type { ForeignDaemon } from '../support/foreign-speaker.ts';
import { frr } from '../support/frr.ts';
import { INTEROP_MS, OUR_BLOCKS, THEIR_ROUTES, UP_MS, exchanged, kernelPrefixes, ourConfig, pair, theyHave, weHave } from '../support/interop.ts';
import { eventually } from '../support/namespaces.ts';
import { skipUnless } from '../support/skip.ts';
import { namespaces, root } from '../support/capabilities.ts';
import { drainedConfig } from '../../config/translate/drain.ts';

const DAEMONS: readonly ForeignDaemon[] = [bird, frr];
const DRAINED = 'drain of node n1';

for (const daemon of DAEMONS) {
  const it = (name: string, run: () => Promise<void>): void => { skipUnless(root, namespaces, ...daemon.needs)(`${daemon.name}: ${name}`, run, INTEROP_MS); };

  it('our routes were flushed while we were away: the F bit is 0, and our stale routes go as soon as we are back', async () => {
    await using p = await pair(daemon);
    await exchanged(p);
    const monitor = await p.them.monitorRoutes();
    await p.ours.process.kill();
    expect(FAMILIES.flatMap((f) => p.foreign.learned(f)).sort()).toEqual([...OUR_BLOCKS].sort());
    for (const family of ['-4', '-6']) p.us.ip(family, 'route', 'flush', 'proto', '84');
    await p.ours.startAgain();
    await exchanged(p);
    for (const name of ['v4', 'v6']) {
      const said = (await p.ours.detail(name)).capabilities!.local.find((c) => c.startsWith('graceful restart'));
      expect(said).not.toContain('forwarding preserved');
    }
    if (daemon !== bird) return; // FRR's zebra is told of the new route before it has carried the loss of the old one to the kernel
    const events = await monitor.read();
    for (const block of OUR_BLOCKS) expect(events.filter((l) => l.startsWith('Deleted') && l.includes(block))).not.toEqual([]);
  });

  it('our routes are still there: the F bit is 1, and nothing goes', async () => {
    await using p = await pair(daemon);
    await exchanged(p);
    const monitor = await p.them.monitorRoutes();
    await p.ours.process.kill();
    await p.ours.startAgain();
    await exchanged(p);
    expect((await p.ours.detail('v4')).capabilities!.local.find((c) => c.startsWith('graceful restart'))).toContain('forwarding preserved');
    expect((await monitor.read()).filter((l) => l.startsWith('Deleted') && OUR_BLOCKS.some((b) => l.includes(b)))).toEqual([]);
  });

  it('a drain: GRACEFUL_SHUTDOWN is seen, then Cease with its message; nothing stays stale on either side, over our restart too', async () => {
    await using p = await pair(daemon);
    await exchanged(p);
    await p.ours.apply({ global: drainedConfig(p.config, undefined).global });
    await exchanged(p);
    const { peers } = drainedConfig(p.config, DRAINED);
    await p.ours.apply({ peers });
    await theyHave(p, [], 5_000);
    await weHave(p, [], 5_000);
    expect(FAMILIES.map((f) => p.foreign.session(f))).not.toContain('Established');
    expect((await p.ours.peer('v4')).shutdown).toBe(DRAINED);
    p.ours.process.signal('SIGKILL');
    await p.ours.startAgain();
    await eventually(UP_MS, async () => { expect((await p.ours.status()).restarting).toBe(false); });
    expect((await p.ours.status()).peers.map((x) => [x.state, x.shutdown])).toEqual([['Idle', DRAINED], ['Idle', DRAINED]]);
    await p.ours.apply(p.config);
    await exchanged(p);
  });

  it('we do not come back: what the peer holds of ours goes after our restart time', async () => {
    await using p = await pair(daemon, { ours: { restartTimeSeconds: 8 } });
    await exchanged(p);
    await p.ours.process.kill();
    expect(FAMILIES.flatMap((f) => p.foreign.learned(f)).sort()).toEqual([...OUR_BLOCKS].sort());
    await theyHave(p, [], 40_000);
  });
}

test.each(['within', 'beyond'])('BIRD does not come back: its routes go %s the restart time that it asked for, at our cap at the latest', async (which) => {
  const capSeconds = which === 'within' ? 120 : 5;
  const config = ourConfig();
  await using p = await pair(bird);
  await p.ours.apply({ global: { ...config.global, gracefulRestart: { ...config.global.gracefulRestart, staleRoutesCapSeconds: capSeconds } } });
  await exchanged(p);
  await p.foreign.kill();
  const start = performance.now();
  await eventually(UP_MS, async () => { expect((await p.ours.peer('v4')).stale).toBe(2); });
  expect(kernelPrefixes(p.us, '84')).toEqual([...THEIR_ROUTES].sort());
  await weHave(p, [], 50_000);
  const seconds = (performance.now() - start) / 1000;
  if (which === 'within') expect(seconds).toBeGreaterThan(25);
  else expect([seconds > 3, seconds < 20]).toEqual([true, true]);
}, INTEROP_MS);
