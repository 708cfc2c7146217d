/** The control socket: takes sections of configuration, answers questions, ends the process when asked. */
import type { ApplyRequest, ApplyResult, BgpdMethods, ClearMode, PeerDetail, RoutesRequest } from '../config/messages/bgpd-control.ts';
import { SECTION_NAMES, type SectionName, type SpeakerConfig } from '../config/messages/speaker-config.ts';
import { OperationError, type Problem } from '../lib/errors.ts';
import type { Handlers } from '../sys/rpc.ts';
import { parseIp, parsePrefix } from '../lib/ip/text.ts';
import { clear } from './clear.ts';
import { metricsText } from './metrics.ts';
import { MAXIMUM_LIMIT, routesOf } from './route-views.ts';
import { validateSections } from './settings/validate.ts';
import type { Speaker } from './speaker.ts';
import { acceptedFrom, detailOf, peerDetailOf, statusOf } from './status.ts';
import { MAX_COMMUNICATION_LENGTH } from './wire/notification.ts';

export type StopMode = BgpdMethods['stop']['params']['mode'];

export interface ControlPorts {
  readonly speaker: Speaker;
  /** Remembers what is in force, for the next start. */
  readonly save: (sections: Partial<SpeakerConfig>) => void;
  /** Told of valid sections before they are applied. */
  readonly applying?: (sections: Partial<SpeakerConfig>) => void;
  /** Ends the process, after the answer. `message` goes to the peers (RFC 9003). */
  readonly stop: (mode: StopMode, message: string) => void;
  /** Lets other work of the process go on, in the midst of a long answer. */
  readonly pause?: () => Promise<void>;
}

const CLEAR_MODES: readonly ClearMode[] = ['hard', 'soft-in', 'soft-out'];
const VIEWS: readonly RoutesRequest['view'][] = ['candidates', 'received', 'accepted', 'advertised'];
const nextTurn = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });

export class Control {
  readonly #ports: ControlPorts;
  /** What was wrong with each section when it came last. */
  readonly #problems = new Map<SectionName, readonly Problem[]>();
  readonly #revisions = new Map<SectionName, number>();

  constructor(ports: ControlPorts) { this.#ports = ports; }

  get problems(): Problem[] { return [...this.#problems.values()].flat(); }

  get handlers(): Handlers<BgpdMethods> {
    const { speaker, pause = nextTurn } = this.#ports;
    return {
      apply: (request) => this.#apply(request),
      status: () => statusOf(speaker, this.problems),
      routes: (request) => routesOf(speaker, checkedRequest(request), pause),
      peer: ({ peer }) => peerOf(speaker, peer),
      clear: (request) => this.#clear(request),
      count: ({ peer }) => {
        if (typeof peer !== 'string') throw new OperationError('COUNT', { peer, expected: PEER });
        const accepted = acceptedFrom(speaker, peer);
        if (accepted === undefined) throw new OperationError('NO_PEER', { peer });
        return { accepted };
      },
      metrics: async () => {
        const { ribs } = speaker.routing;
        return { text: await metricsText(statusOf(speaker, this.problems), [...speaker.neighbours].map((n) => detailOf(n, ribs)), speaker.nowMs) };
      },
      stop: ({ mode, message = '' }) => {
        if (mode !== 'restart' && mode !== 'final') throw new OperationError('STOP_MODE', { mode, expected: 'restart or final' });
        if (typeof message !== 'string' || Buffer.byteLength(message) > MAX_COMMUNICATION_LENGTH) {
          throw new OperationError('STOP_MESSAGE', { message, expected: `text of at most ${MAX_COMMUNICATION_LENGTH} octets` });
        }
        this.#ports.stop(mode, message);
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
    this.#ports.applying?.(good);
    await this.#ports.speaker.apply(good);
    return found;
  }

  #clear({ peer, mode }: BgpdMethods['clear']['params']): BgpdMethods['clear']['result'] {
    const { speaker } = this.#ports;
    if (typeof peer !== 'string') throw new OperationError('CLEAR', { peer, expected: `${PEER}, or *` });
    if (!CLEAR_MODES.includes(mode)) throw new OperationError('CLEAR', { mode, expected: CLEAR_MODES.join(', ') });
    const peers = clear(speaker, peer, mode, speaker.nowMs);
    if (peers === undefined) throw noPeer(speaker, peer);
    return { peers };
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
      if (typeof revision === 'number') this.#revisions.set(name, revision);
    }
    return { problems, revisions: Object.fromEntries(this.#revisions) };
  }
}

const isSectionName = (name: string): name is SectionName => SECTION_NAMES.some((known) => known === name);

const PEER = "a peer's name or address";
/** Names in an error: enough to see a typing error. */
const NAMED = 20;

function noPeer(speaker: Speaker, peer: string): OperationError {
  const names = [...speaker.neighbours].map((n) => n.config.name);
  const expected = names.length === 0 ? '(there are none)' : `${names.slice(0, NAMED).join(', ')}${names.length > NAMED ? ', …' : ''}`;
  return new OperationError('NO_PEER', { peer, expected });
}

function peerOf(speaker: Speaker, peer: unknown): PeerDetail {
  if (typeof peer !== 'string') throw new OperationError('PEER', { peer, expected: PEER });
  const detail = peerDetailOf(speaker, peer);
  if (detail === undefined) throw noPeer(speaker, peer);
  return detail;
}

/** Throws OperationError ROUTES naming the parameter, its value and what was expected. */
function checkedRequest(request: RoutesRequest): RoutesRequest {
  const { limit, family, peer, prefix, longer, view, best, after } = request;
  const bad = (field: object, expected: string): never => { throw new OperationError('ROUTES', { ...field, expected }); };
  if (limit !== undefined && (!Number.isInteger(limit) || limit < 1 || limit > MAXIMUM_LIMIT)) bad({ limit }, `1..${MAXIMUM_LIMIT}`);
  if (after !== undefined && (typeof after !== 'string' || parsePrefix(after) === undefined)) bad({ after }, 'ADDRESS/LENGTH');
  if (family !== undefined && family !== 'ipv4' && family !== 'ipv6') bad({ family }, 'ipv4 or ipv6');
  if (peer !== undefined && typeof peer !== 'string') bad({ peer }, PEER);
  if (prefix !== undefined && (typeof prefix !== 'string' || (parsePrefix(prefix) ?? parseIp(prefix)) === undefined)) bad({ prefix }, 'ADDRESS/LENGTH or an address');
  if (view !== undefined && !VIEWS.includes(view)) bad({ view }, VIEWS.join(', '));
  if (view !== undefined && view !== 'candidates' && peer === undefined) bad({ view }, 'a peer with this view');
  for (const [name, value] of Object.entries({ longer, best })) {
    if (value !== undefined && typeof value !== 'boolean') bad({ [name]: value }, 'true or false');
  }
  return request;
}
