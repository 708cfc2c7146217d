/** The OpenAPI documents as they are sent, made when first asked for and kept until the resources served change. */
import { stringifyJson } from '../../lib/json.ts';
import type { Registry } from '../kinds/registry.ts';
import { encodeOpenapi2 } from './v2-protobuf.ts';
import { openapi2Document } from './v2.ts';
import { openapiDocument, openapiIndex } from './v3.ts';

export class OpenapiDocuments {
  readonly #registry: Registry;
  #kept = new Map<string, string | Uint8Array | undefined>();
  #revision = -1;
  constructor(registry: Registry) { this.#registry = registry; }

  index(): string { return this.#once('v3', () => stringifyJson(openapiIndex(this.#registry))); }
  version2(): string { return this.#once('v2', () => stringifyJson(openapi2Document(this.#registry))); }
  version2Protobuf(): Uint8Array { return this.#once('v2-protobuf', () => encodeOpenapi2(openapi2Document(this.#registry))); }

  /** undefined when the version is not served. */
  version3(group: string, version: string): string | undefined {
    return this.#once(`v3/${group}/${version}`, () => {
      const document = openapiDocument(this.#registry, group, version);
      return document === undefined ? undefined : stringifyJson(document);
    });
  }

  #once<T extends string | Uint8Array | undefined>(name: string, make: () => T): T {
    if (this.#revision !== this.#registry.revision) {
      this.#kept = new Map();
      this.#revision = this.#registry.revision;
    }
    if (!this.#kept.has(name)) this.#kept.set(name, make());
    return this.#kept.get(name) as T;
  }
}
