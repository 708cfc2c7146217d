/** Follows the Secrets that BGP resources name, and no others: one watch for each name, in the agent's own namespace. */
import { readSecret, withMemory, type SecretTexts } from '../config/kinds/secret.ts';
import type { KubeClient, KubeObject, Resource } from '../sys/kube/client.ts';

const SECRETS: Resource = { group: '', version: 'v1', plural: 'secrets', namespaced: true };
/** Answers by which the API says that it will not let us read, whatever the words. */
const REFUSED = /\bstatus=40[13]\b/;

export interface SecretPorts {
  readonly kube: KubeClient;
  readonly namespace: string;
  /** Undefined: there is none of this name. */
  readonly tell: (name: string, value: SecretTexts | undefined) => void;
  /** The first word about a Secret has come. */
  readonly answered: () => void;
  readonly away: (name: string, away: boolean, reason: string) => void;
}

export class SecretWatches implements Disposable {
  readonly #ports: SecretPorts;
  readonly #watches = new Map<string, Disposable>();
  readonly #waiting = new Set<string>();
  /** What was last told. */
  readonly #told = new Map<string, SecretTexts | undefined>();

  constructor(ports: SecretPorts) { this.#ports = ports; }

  /** True while it is not known of a Secret whether it exists: a session with its password must neither come nor go. */
  get isWaiting(): boolean { return this.#waiting.size > 0; }

  /** From now on these are followed. */
  follow(names: ReadonlySet<string>): void {
    for (const [name, watch] of this.#watches) {
      if (names.has(name)) continue;
      watch[Symbol.dispose]();
      this.#watches.delete(name);
      this.#waiting.delete(name);
      this.#told.delete(name);
      this.#ports.tell(name, undefined);
    }
    for (const name of names) {
      if (this.#watches.has(name)) continue;
      this.#waiting.add(name);
      this.#watches.set(name, this.#watch(name));
    }
  }

  [Symbol.dispose](): void { for (const watch of this.#watches.values()) watch[Symbol.dispose](); }

  #watch(name: string): Disposable {
    const { kube, namespace, away } = this.#ports;
    const tell = (value: SecretTexts | undefined): void => {
      const remembered = withMemory(value, this.#told.get(name));
      this.#told.set(name, remembered);
      this.#ports.tell(name, remembered);
    };
    return kube.watch<KubeObject>(SECRETS, { namespace, fieldSelector: `metadata.name=${name}` }, {
      upsert: (object) => { tell(readSecret(object)); },
      remove: () => { tell(undefined); },
      synced: () => { this.#answer(name); },
      disconnected: (isAway, reason) => {
        away(name, isAway, reason);
        if (!isAway || !this.#waiting.has(name) || !REFUSED.test(reason)) return;
        tell({ values: {}, refused: reason });
        this.#answer(name);
      },
    });
  }

  #answer(name: string): void {
    if (!this.#waiting.delete(name)) return;
    this.#ports.answered();
  }
}
