/** Who reaches whom: every ordered pair of pods by TCP and ping, IPv4 and IPv6, with the source address the other side saw. */
import { OperationError } from '../lib/errors.ts';
import type { Answer, Ask, Lab } from './lab.ts';
import type { PodView } from './kubelet.ts';

export const FAMILIES = ['ipv4', 'ipv6'] as const;
export type Family = typeof FAMILIES[number];

export interface PairResult {
  readonly from: PodView;
  readonly to: PodView;
  readonly family: Family;
  readonly tcp: Answer;
  readonly ping: Answer;
}

export const addressOf = (pod: PodView, family: Family): string | undefined => pod.addresses.find((a) => a.includes(':') === (family === 'ipv6'));

/** Reached by TCP and ping, and the source address the other side saw was the pod's own: nothing on the way translated it. */
export const isGood = (r: PairResult): boolean => r.tcp.ok && r.ping.ok && r.tcp.source === addressOf(r.from, r.family);

/** All ordered pairs; one process a source pod asks all its targets at once. */
export async function measure(lab: Pick<Lab, 'ask'>, pods: readonly PodView[], timeoutMs = 2_000): Promise<PairResult[]> {
  const all = await Promise.all(pods.map((from) => measureFrom(lab, from, pods.filter((to) => to !== from), timeoutMs)));
  return all.flat();
}

async function measureFrom(lab: Pick<Lab, 'ask'>, from: PodView, targets: readonly PodView[], timeoutMs: number): Promise<PairResult[]> {
  const pairs = targets.flatMap((to) => FAMILIES.map((family) => ({ to, family, address: addressOf(to, family) })));
  const asks = pairs.flatMap(({ address }): Ask[] => (address === undefined ? [] : [{ proto: 'tcp', address }, { proto: 'ping', address }]));
  const answers = (await answersTo(lab, from, asks, timeoutMs)).values();
  const next = (proto: Ask['proto'], address: string | undefined): Answer =>
    (address === undefined ? { proto, address: '', ok: false, reason: 'no address' } : answers.next().value!);
  return pairs.map(({ to, family, address }) => ({ from, to, family, tcp: next('tcp', address), ping: next('ping', address) }));
}

/** A pod on a node that is down reaches nobody: the others are asked all the same. */
async function answersTo(lab: Pick<Lab, 'ask'>, from: PodView, asks: readonly Ask[], timeoutMs: number): Promise<readonly Answer[]> {
  try {
    return await lab.ask(`${from.namespace}/${from.name}`, asks, timeoutMs);
  } catch (error) {
    if (!(error instanceof OperationError) || error.code !== 'MACHINE_DOWN') throw error;
    return asks.map((a) => ({ ...a, ok: false, reason: `${from.node} is down` }));
  }
}

/** One line an ordered pair, and a verdict. */
export function renderMatrix(results: readonly PairResult[]): string {
  const rows = results.filter((r) => r.family === 'ipv4').map((v4) => {
    const v6 = results.find((r) => r.family === 'ipv6' && r.from === v4.from && r.to === v4.to)!;
    return [place(v4.from), place(v4.to), seen(v4), ping(v4), seen(v6), ping(v6)];
  });
  const head = ['from', 'to', 'TCP: source seen', 'ping', 'TCP over IPv6: source seen', 'ping'];
  return `${table([head, ...rows])}\n\n${verdict(results)}`;
}

const place = (pod: PodView): string => `${pod.name} (${pod.node})`;
const ping = (r: PairResult): string => (r.ping.ok ? `${(r.ping.microseconds / 1000).toFixed(1)} ms` : r.ping.reason);

function seen(r: PairResult): string {
  if (!r.tcp.ok) return r.tcp.reason;
  return r.tcp.source === addressOf(r.from, r.family) ? r.tcp.source : `${r.tcp.source} TRANSLATED`;
}

export function verdict(results: readonly PairResult[]): string {
  const pairs = new Map<string, boolean>();
  for (const r of results) {
    const key = `${r.from.namespace}/${r.from.name} ${r.to.namespace}/${r.to.name}`;
    pairs.set(key, (pairs.get(key) ?? true) && isGood(r));
  }
  const good = [...pairs.values()].filter(Boolean).length;
  return good === pairs.size
    ? `${good} of ${pairs.size} ordered pairs: TCP and ping, IPv4 and IPv6; the source address seen was each time the pod's own (no NAT).`
    : `${good} of ${pairs.size} ordered pairs pass; ${pairs.size - good} do not.`;
}

/** Columns as wide as their widest cell. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, i) => Math.max(...rows.map((r) => r[i]!.length)));
  return rows.map((r) => r.map((cell, i) => cell.padEnd(widths[i]!)).join('   ').trimEnd()).join('\n');
}
