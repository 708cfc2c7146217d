/** Metrics of the agent, in a registry of their own. */
import { Counter, Gauge, Histogram, Registry } from 'prom-client';

export interface AgentMetrics {
  readonly registry: Registry;
  answered(command: string, code: number, seconds: number): void;
}

export interface Observed {
  readonly attachments: () => number;
  readonly blocks: () => number;
  readonly problems: () => number;
  readonly ready: () => boolean;
}

export function agentMetrics(observed: Observed): AgentMetrics {
  const registry = new Registry();
  const registers = [registry];
  const requests = new Counter({
    name: 'tortie_cni_requests_total', help: 'CNI commands answered, by CNI error code (0: success)', labelNames: ['command', 'code'], registers,
  });
  const duration = new Histogram({
    name: 'tortie_cni_request_seconds', help: 'Time to answer a CNI command', labelNames: ['command'], registers,
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5, 30],
  });
  const gauge = (name: string, help: string, value: () => number): void => {
    registry.registerMetric(new Gauge({ name, help, registers: [], collect() { this.set(value()); } }));
  };
  gauge('tortie_attachments', 'Interfaces of containers on this node', observed.attachments);
  gauge('tortie_ipam_blocks', 'Address blocks of this node', observed.blocks);
  gauge('tortie_problems', 'Problems reported now', observed.problems);
  gauge('tortie_ready', '1 when pods can be attached', () => Number(observed.ready()));
  return {
    registry,
    answered: (command, code, seconds) => {
      requests.inc({ command, code: String(code) });
      duration.observe({ command }, seconds);
    },
  };
}
