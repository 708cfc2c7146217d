/** What every verb works with: the objects, the resources served, time and chance. */
import { randomInt, randomUUID } from 'node:crypto';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { Stamp } from './objects/metadata.ts';
import type { ApiObject } from './objects/object.ts';
import type { Registry } from './kinds/registry.ts';
import type { ResourceType } from './kinds/resource-type.ts';
import type { ObjectStore, Stored } from './object-store.ts';
import type { ApiError } from './api/status.ts';
import type { WatchHub } from './watch-hub.ts';

export interface Core {
  readonly objects: ObjectStore;
  readonly registry: Registry;
  readonly hub: WatchHub;
  readonly lifecycle: Lifecycle;
  readonly clock: Clock;
  readonly log: Log;
}

/** What the server itself does about kinds that mean something to it: namespaces and definitions of custom resources. */
export interface Lifecycle {
  /** Fills in what only the server knows, in place, before an object is validated; `old` is undefined on creation. */
  prepare(type: ResourceType, object: ApiObject, old: ApiObject | undefined): void;
  /** Why nothing can be created in this type or namespace now. */
  refusal(type: ResourceType, object: ApiObject): ApiError | undefined;
  /** After an object was written. */
  changed(type: ResourceType, object: ApiObject, old: ApiObject | undefined): void;
  /** Begins a deletion that takes more than one step, and returns what is there meanwhile; undefined for all other kinds. */
  terminate(type: ResourceType, stored: Stored, dryRun: boolean): ApiObject | undefined;
  /** After an object was deleted. */
  removed(type: ResourceType, object: ApiObject): void;
}

/** A request for objects of one type, its body already read as text. */
export interface ResourceRequest {
  readonly type: ResourceType;
  readonly namespace: string | undefined;
  readonly name: string;
  /** `status`, a pod's `binding`, or nothing: the object itself. */
  readonly subresource: 'status' | 'binding' | undefined;
  readonly query: URLSearchParams;
  /** Media type of the body. */
  readonly contentType: string;
  readonly body: string;
}

/** What a verb answers with: one object of the type, or any other JSON such as a Status. */
export interface Outcome {
  readonly code: number;
  readonly object?: ApiObject;
  readonly other?: unknown;
  readonly warnings?: readonly string[];
}

export const subjectOf = (type: ResourceType): { group: string; plural: string; kind: string } => ({ group: type.group, plural: type.plural, kind: type.kind });

/** RFC 3339, UTC, whole seconds, as `metadata` has it. */
export const timestamp = (clock: Clock, plusSeconds = 0): string => `${new Date(clock.wallTime() + plusSeconds * 1000).toISOString().slice(0, 19)}Z`;

/** Letters that form no words by accident. */
const ALPHABET = 'bcdfghjklmnpqrstvwxz2456789';

export const stampOf = (clock: Clock): Stamp => ({
  now: timestamp(clock), uid: randomUUID(),
  suffix: Array.from({ length: 5 }, () => ALPHABET[randomInt(ALPHABET.length)]).join(''),
});
