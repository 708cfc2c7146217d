/** All resources served at a moment: the built-in ones for ever, the custom ones as their definitions come and go. */
import type { ResourceType } from './resource-type.ts';

export class Registry {
  #byPath = new Map<string, ResourceType>();

  /** Another number after every change. */
  get revision(): number { return this.#revision; }
  #revision = 0;

  add(type: ResourceType): void {
    this.#revision += 1;
    this.#byPath.set(pathOf(type.group, type.version, type.plural), type);
  }

  /** Removes every version of a resource. */
  remove(group: string, plural: string): void {
    this.#revision += 1;
    for (const [path, type] of this.#byPath) if (type.group === group && type.plural === plural) this.#byPath.delete(path);
  }

  find(group: string, version: string, plural: string): ResourceType | undefined { return this.#byPath.get(pathOf(group, version, plural)); }

  /** In order of registration; within a group the preferred version first. */
  all(): ResourceType[] { return [...this.#byPath.values()]; }
  inGroup(group: string): ResourceType[] { return this.all().filter((type) => type.group === group); }
  inVersion(group: string, version: string): ResourceType[] { return this.all().filter((type) => type.group === group && type.version === version); }
  groups(): string[] { return [...new Set(this.all().map((type) => type.group))]; }
  versions(group: string): string[] { return [...new Set(this.inGroup(group).map((type) => type.version))].sort(byPriority); }
}

const pathOf = (group: string, version: string, plural: string): string => `${group}/${version}/${plural}`;

/** Kubernetes' order of versions: v10, v2, v1, v2beta1, v1beta1, v1alpha1, then anything else by name. */
export function byPriority(a: string, b: string): number {
  const [left, right] = [rankOf(a), rankOf(b)];
  if (left === undefined || right === undefined) return left === right ? (a < b ? -1 : a > b ? 1 : 0) : left === undefined ? 1 : -1;
  return right.stability - left.stability || right.major - left.major || right.minor - left.minor;
}

function rankOf(version: string): { stability: number; major: number; minor: number } | undefined {
  const match = /^v([1-9]\d*)(?:(alpha|beta)([1-9]\d*))?$/.exec(version);
  if (match === null) return undefined;
  return { stability: match[2] === undefined ? 2 : match[2] === 'beta' ? 1 : 0, major: Number(match[1]), minor: Number(match[3] ?? 0) };
}
