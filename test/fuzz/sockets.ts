/** The two unix sockets: bgpd's control socket and the one that the CNI executable talks to. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startCniServer } from '../../agent/cni-server.ts';
import { Control } from '../../bgpd/control.ts';
import { readConfiguration } from '../../cni/protocol/configuration.ts';
import { readInvocation } from '../../cni/protocol/environment.ts';
import { CniError, renderError } from '../../cni/protocol/errors.ts';
import { encodeRequest } from '../../cni/protocol/frames.ts';
import { SECTION_NAMES } from '../../config/messages/speaker-config.ts';
import type { BgpdMethods } from '../../config/messages/bgpd-control.ts';
import { stringifyJson } from '../../lib/json.ts';
import { silentLog } from '../../lib/log.ts';
import { FrameReader, frame, serve } from '../../sys/rpc.ts';
import type { Seeded } from '../support/seeded.ts';
import { SpeakerBench } from '../support/speaker-bench.ts';
import { RICH_CONFIG } from './configuration.ts';
import { misshapen } from './json.ts';

const ANSWER_MS = 10_000;
const PEER = RICH_CONFIG.peers.peers[0]!.name;
const SECTIONS = Object.fromEntries(SECTION_NAMES.map((name) => [name, { revision: 1, value: RICH_CONFIG[name] }]));

const REQUESTS: readonly { readonly method: keyof BgpdMethods; readonly params: object }[] = [
  { method: 'apply', params: { version: 1, sender: 'fuzz', sections: SECTIONS } },
  { method: 'status', params: {} },
  { method: 'routes', params: { family: 'ipv4', prefix: '10.0.0.0/8', longer: true, peer: PEER, view: 'received', best: true, limit: 10, after: '10.0.0.0/8' } },
  { method: 'peer', params: { peer: PEER } },
  { method: 'clear', params: { peer: PEER, mode: 'soft-in' } },
  { method: 'count', params: { peer: PEER } },
  { method: 'metrics', params: {} },
  { method: 'stop', params: { mode: 'final', message: 'bye' } },
];

/** Requests of wrong shapes for every method: each is answered, and what was in force and is not named stays. Returns problems told. */
export async function controlSocket(random: Seeded, requests: number): Promise<number> {
  const bench = new SpeakerBench();
  const control = new Control({ speaker: bench.speaker, save: () => undefined, stop: () => undefined });
  const told = await control.applySections({ ...RICH_CONFIG });
  if (told.length > 0) throw new Error(`the configuration to begin with is wrong: ${JSON.stringify(told)}`);
  return await withSocket(async (path) => {
    await using _server = await serve<BgpdMethods>(path, control.handlers);
    const line = new Line(path);
    let problems = 0;
    for (let i = 0; i < requests; i++) {
      const request = { id: i, ...random.pick(REQUESTS) };
      const wrong = misshapen(random, request);
      let text = stringifyJson(wrong) ?? 'null';
      if (random.below(16) === 0) text = text.slice(0, random.below(text.length + 1));
      const reply = await line.ask(Buffer.from(text));
      if (reply.length === 0) throw new Error(`no answer to ${text.slice(0, 2_000)}`);
      const { result, error } = JSON.parse(reply.toString()) as { result?: { problems?: { path: unknown; message: unknown }[] }; error?: { code: unknown; message: unknown } };
      if (error !== undefined && (error.code === 'RPC_HANDLER' && !/JSON|Unexpected/.test(String(error.message)))) throw new Error(`${JSON.stringify(error)} to ${text.slice(0, 2_000)}`);
      if (request.method !== 'apply') continue;
      for (const { path: at, message } of result?.problems ?? []) {
        problems++;
        if (typeof at !== 'string' || typeof message !== 'string' || !/expected|already|no such|is needed/.test(message)) throw new Error(`a problem that says little: ${String(at)}: ${String(message)}`);
      }
      if (bench.speaker.config.global === undefined) throw new Error('the global section is gone');
      await bench.settle();
    }
    line.end();
    await bench.speaker.close();
    return problems;
  });
}

/** What the executable could say, and what it could not: each is answered with a result, or the connection is closed. */
export async function shimSocket(random: Seeded, requests: number): Promise<number> {
  const configuration = { cniVersion: '1.0.0', name: 'k8s-pod-network', type: 'tortie', mtu: 1500, ipam: { type: 'tortie-ipam', assign_ipv4: 'true' }, args: {}, prevResult: {} };
  return await withSocket(async (path) => {
    await using _server = await startCniServer(path, {
      log: silentLog,
      answer: (request) => {
        try {
          readInvocation(request.environment);
          readConfiguration(request.input);
          return Promise.resolve({ status: 0, output: '' });
        } catch (error) {
          if (error instanceof CniError) return Promise.resolve({ status: 1, output: renderError(error, '1.0.0') });
          throw error;
        }
      },
    });
    let answered = 0;
    for (let i = 0; i < requests; i++) {
      const environment = new Map(Object.entries({ CNI_COMMAND: random.pick(['ADD', 'DEL', 'CHECK', 'GC', 'STATUS', 'X', '']), CNI_CONTAINERID: 'c1', CNI_NETNS: '/var/run/netns/x', CNI_IFNAME: random.pick(['eth0', '', '..', 'x'.repeat(40)]), CNI_PATH: '/opt', CNI_ARGS: random.pick(['', 'K8S_POD_NAME=a;K8S_POD_NAMESPACE=b', ';;=', 'x']) }));
      const payload = Buffer.from(encodeRequest({ program: 'tortie', environment, input: stringifyJson(misshapen(random, configuration)) ?? '' }));
      if (random.below(3) === 0) payload[random.below(payload.length)] = random.below(256);
      const bytes = frame(random.below(8) === 0 ? payload.subarray(0, random.below(payload.length)) : payload);
      if (random.below(32) === 0) bytes.writeUInt32BE(random.below(0xffffffff), 0);
      const line = new Line(path);
      if ((await line.say(bytes)).length > 0) answered++;
      line.end();
    }
    return answered;
  });
}

async function withSocket<T>(run: (path: string) => Promise<T>): Promise<T> {
  const directory = mkdtempSync(join(tmpdir(), 'tortie-fuzz-'));
  try {
    return await run(join(directory, 's.sock'));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** One connection that asks one thing at a time. */
class Line {
  readonly #socket: Socket;
  readonly #reader = new FrameReader();
  #waiting: (frame: Buffer) => void = () => undefined;

  constructor(path: string) {
    this.#socket = createConnection(path);
    this.#socket.on('data', (chunk) => { for (const bytes of this.#reader.push(chunk)) this.#waiting(bytes); });
    this.#socket.on('error', () => undefined);
    this.#socket.on('close', () => { this.#waiting(Buffer.alloc(0)); });
  }

  ask(payload: Buffer): Promise<Buffer> { return this.say(frame(payload)); }

  /** The answer; empty when the connection was closed instead. When half a frame was sent, nothing is waited for. */
  async say(bytes: Buffer): Promise<Buffer> {
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
    const timer = setTimeout(() => { reject(new Error(`no answer within ${ANSWER_MS / 1000} s to ${bytes.toString('hex').slice(0, 2_000)}`)); }, ANSWER_MS);
    this.#waiting = resolve;
    this.#socket.write(bytes);
    if (bytes.readUInt32BE(0) > bytes.length - 4) this.#socket.end();
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
    }
  }

  end(): void { this.#socket.destroy(); }
}
