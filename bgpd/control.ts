/** The control socket: takes sections of configuration, answers questions, ends the process when asked. */
import type { ApplyRequest, ApplyResult, BgpdMethods, RoutesRequest } from '../config/messages/bgpd-control.ts';
import { SECTION_NAMES, type SectionName, type SpeakerConfig } from '../config/messages/speaker-config.ts';
import { OperationError, type Problem } from '../lib/errors.ts';
import type { Handlers } from '../sys/rpc.ts';
import { metricsText } from './metrics.ts';
import { validateSections } from './settings/validate.ts';
import type { Speaker } from './speaker.ts';
import { acceptedFrom, routesOf, statusOf } from './status.ts';

export type StopMode = BgpdMethods['stop']['params']['mode'];

export interface ControlPorts {
  readonly speaker: Speaker;
  /** Remembers what is in force, for the next start. */
  readonly save: (sections: Partial<SpeakerConfig>) => void;
  /** Ends the process, after the answer. */
  readonly stop: (mode: StopMode) => void;
}

export class Control {
  readonly #ports: ControlPorts;
  /** What was wrong with each section when it came last. */
  readonly #problems = new Map<SectionName, readonly Problem[]>();
  readonly #revisions = new Map<SectionName, number>();

  constructor(ports: ControlPorts) { this.#ports = ports; }

  get problems(): Problem[] { return [...this.#problems.values()].flat(); }

  get handlers(): Handlers<BgpdMethods> {
    const { speaker, stop } = this.#ports;
    return {
      apply: (request) => this.#apply(request),
      status: () => statusOf(speaker, this.problems),
      routes: (request) => routesOf(speaker, checkedRequest(request)),
      count: ({ peer }) => {
        if (typeof peer !== 'string') throw new OperationError('COUNT', { peer, expected: "a peer's name or address" });
        const accepted = acceptedFrom(speaker, peer);
        if (accepted === undefined) throw new OperationError('NO_SUCH_PEER', { peer });
        return { accepted };
      },
      metrics: async () => ({ text: await metricsText(statusOf(speaker, this.problems)) }),
      stop: ({ mode }) => {
        if (mode !== 'restart' && mode !== 'final') throw new OperationError('STOP_MODE', { mode, expected: 'restart or final' });
        stop(mode);
        return {};
      },
    };
  }

  /**
   * Sections from anywhere: validated and applied. Returns what was wrong with them. They are not remembered: what a
   * stricter version of ours leaves of an older one's state must not replace it before the agent speaks.
   */
  async applySections(sections: Readonly<Record<string, unknown>>): Promise<Problem[]> {
    const found: Problem[] = [];
    const good: { -readonly [S in SectionName]?: SpeakerConfig[S] } = {};
    for (const [name, value] of Object.entries(sections)) {
      if (value === undefined) continue;
      const { sections: valid, problems } = validateSections({ [name]: value });
      Object.assign(good, valid);
      found.push(...problems);
      if (isSectionName(name)) this.#problems.set(name, problems);
    }
    await this.#ports.speaker.apply(good);
    return found;
  }

  async #apply({ sections }: ApplyRequest): Promise<ApplyResult> {
    if (typeof sections !== 'object' || sections === null) throw new OperationError('APPLY', { sections, expected: 'an object of sections' });
    const values: Record<string, unknown> = {};
    for (const [name, section] of Object.entries(sections) as [string, { readonly value?: unknown } | null | undefined][]) {
      values[name] = section?.value ?? null;
    }
    const problems = await this.applySections(values);
    this.#ports.save(this.#ports.speaker.config);
    for (const name of SECTION_NAMES) {
      const revision = sections[name]?.revision;
      if (revision !== undefined) this.#revisions.set(name, revision);
    }
    return { problems, revisions: Object.fromEntries(this.#revisions) };
  }
}

const isSectionName = (name: string): name is SectionName => SECTION_NAMES.some((known) => known === name);

function checkedRequest(request: RoutesRequest): RoutesRequest {
  const { limit, family, peer, prefix } = request;
  if (limit !== undefined && (!Number.isInteger(limit) || limit < 1)) throw new OperationError('ROUTES', { limit, expected: 'a positive integer' });
  if (family !== undefined && family !== 'ipv4' && family !== 'ipv6') throw new OperationError('ROUTES', { family, expected: 'ipv4 or ipv6' });
  if (peer !== undefined && typeof peer !== 'string') throw new OperationError('ROUTES', { peer, expected: "a peer's name or address" });
  if (prefix !== undefined && typeof prefix !== 'string') throw new OperationError('ROUTES', { prefix, expected: 'ADDRESS/LENGTH' });
  return request;
}
