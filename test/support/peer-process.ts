/**
 * One `Peer` over real TCP as a program of its own, so that it can live in a namespace:
 * `node peer-process.ts '{"global":…,"peer":…}'`. Prints an event a line, and obeys a JSON line on standard input:
 * `"start"`, `"status"`, `"close"`, `{"stop":"shutdown"}`.
 */
import { createInterface } from 'node:readline';
import { Peer, type StopReason } from '../../bgpd/peer.ts';
import { tcpTransport } from '../../bgpd/transport.ts';
import { AttributeInterner } from '../../bgpd/wire/interner.ts';
import type { GlobalSection, PeerConfig } from '../../config/messages/speaker-config.ts';
import { ip, showIp } from '../../lib/ip/text.ts';
import { silentLog } from '../../lib/log.ts';
import { systemClock } from '../../sys/clock.ts';

const { global, peer: config } = JSON.parse(process.argv[2] ?? '') as { global: GlobalSection; peer: PeerConfig };
const say = (event: object): void => { process.stdout.write(`${JSON.stringify(event)}\n`); };
const transport = tcpTransport();
const families = config.families;

const peer = new Peer({ clock: systemClock, transport, log: silentLog, random: Math.random, interner: new AttributeInterner() }, {
  config, global, restartState: () => ({ restarted: false, forwardingPreserved: families }),
}, {
  up: ({ families: agreed, holdTimeSeconds, external, gracefulRestart, wire }, { local, remote }) => {
    say({ up: { families: agreed, holdTimeSeconds, external, gracefulRestart, wire, local: showIp(local), remote: showIp(remote) } });
  },
  update: (m) => { say({ update: { endOfRib: m.endOfRib, announced: m.announced4.length + m.announced6.length, outcome: m.outcome } }); },
  routeRefresh: (family) => { say({ refresh: family }); },
  down: (reason) => { say({ down: reason }); },
  drained: () => undefined,
  changed: () => undefined,
});

await transport.listen(undefined, global.listen.port, (connection) => {
  if (connection.remote === ip(config.address)) peer.accept(connection); else connection.destroy();
});
peer.start();

for await (const line of createInterface({ input: process.stdin })) {
  const command = JSON.parse(line) as string | { stop: StopReason };
  if (typeof command === 'object') peer.stop(command.stop);
  else if (command === 'start') peer.start();
  else if (command === 'close') { peer.close(); process.exit(0); }
  else say({ status: peer.status() });
}
