/** A speaker's configuration as it is while its node is drained. */
import type { PeersSection, SpeakerConfig } from '../messages/speaker-config.ts';

/** Every route goes out with GRACEFUL_SHUTDOWN; with a message all sessions are held down too, those that are so already with their own. */
export function drainedConfig(config: SpeakerConfig, message: string | undefined): SpeakerConfig {
  const { global, peers } = config;
  return { ...config, global: { ...global, gracefulShutdown: true }, peers: message === undefined ? peers : heldDown(peers, message) };
}

function heldDown({ peers, dynamic, unnumbered }: PeersSection, message: string): PeersSection {
  const down = <T extends object>(settings: T): T => ({ shutdown: { message }, ...settings });
  return {
    peers: peers.map(down),
    ...(dynamic !== undefined && { dynamic: dynamic.map((d) => ({ ...d, template: down(d.template) })) }),
    ...(unnumbered !== undefined && { unnumbered: unnumbered.map((u) => ({ ...u, template: down(u.template) })) }),
  };
}
