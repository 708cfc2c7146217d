/** Which sections of a SpeakerConfig changed, and which of them the other side has not confirmed yet. */
import { stringifyJson } from '../../lib/json.ts';
import type { ApplyResult, Sections } from '../messages/bgpd-control.ts';
import { SECTION_NAMES, type SectionName, type SpeakerConfig } from '../messages/speaker-config.ts';

interface Held { readonly text: string; readonly value: SpeakerConfig[SectionName]; readonly revision: number }

/** Each section has a revision of its own, which grows when its content changes. */
export class SectionRevisions {
  readonly #held = new Map<SectionName, Held>();
  readonly #confirmed = new Map<SectionName, number>();
  #last = 0;

  /** Takes a configuration; sections that say the same, or that are absent, keep their revision. */
  update(config: Partial<SpeakerConfig>): void {
    for (const name of SECTION_NAMES) {
      const [held, value] = [this.#held.get(name), config[name]];
      if (value === undefined || held?.value === value) continue;
      const text = stringifyJson(value);
      if (held?.text === text) continue;
      this.#held.set(name, { text, value, revision: ++this.#last });
    }
  }

  /** What has to be sent; undefined: nothing. */
  pending(): Sections | undefined {
    const changed = SECTION_NAMES.filter((name) => this.#held.has(name) && this.#held.get(name)!.revision !== this.#confirmed.get(name));
    if (changed.length === 0) return undefined;
    return Object.fromEntries(changed.map((name) => [name, { revision: this.#held.get(name)!.revision, value: this.#held.get(name)!.value }]));
  }

  /** Only what the answer names counts as received. */
  confirm(sent: Sections, revisions: ApplyResult['revisions']): void {
    for (const name of SECTION_NAMES) {
      const revision = sent[name]?.revision;
      if (revision !== undefined && revisions[name] === revision) this.#confirmed.set(name, revision);
    }
  }

  /** A new connection: the other side may have restarted, so it gets everything again. */
  forget(): void { this.#confirmed.clear(); }
}
