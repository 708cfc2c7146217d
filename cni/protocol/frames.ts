/**
 * What the shim and the agent say to each other, as payloads of length-framed messages (`cni/shim.c` is the other side).
 * A string is a 32-bit length and UTF-8 bytes; a list is a 32-bit count and its strings.
 */
import { ByteReader, ShortReadError } from '../../lib/bytes/reader.ts';
import { ByteWriter } from '../../lib/bytes/writer.ts';

/** Longest payload either side accepts, in bytes: 1 MiB of configuration or output, and room for the environment. */
export const FRAME_LIMIT = (1 << 20) + 65_536;
const STRINGS_LIMIT = 128;
const REQUEST_VERSION = 1;

const [REQUEST, RESULT, EXECUTE, OUTPUT] = [0x52, 0x72, 0x78, 0x6f];

/** What a runtime asked: the shim sends it, and stores it for later when a DEL finds no agent. */
export interface ShimRequest {
  /** Base name of the executable: `tortie` or `tortie-ipam`. */
  readonly program: string;
  /** The CNI_* variables. */
  readonly environment: ReadonlyMap<string, string>;
  /** Standard input: the network configuration. */
  readonly input: string;
}

/** A program the shim shall run on the host. */
export interface Execution {
  readonly path: string;
  readonly environment: ReadonlyMap<string, string>;
  readonly input: string;
}

/** What became of it. When it was not started, `output` says why. */
export interface ExecutionOutput {
  readonly started: boolean;
  /** Exit status 0..255; 255 when a signal ended it. */
  readonly status: number;
  readonly output: string;
}

/** A payload that is none of ours: what was wrong with it. */
export class FrameError extends Error {
  constructor(message: string) { super(message); this.name = 'FrameError'; }
}

/** @throws {FrameError} on anything that is not one whole request. */
export function decodeRequest(payload: Uint8Array): ShimRequest {
  return whole(payload, REQUEST, (r) => {
    const version = r.u8();
    if (version !== REQUEST_VERSION) throw new FrameError(`request version ${version}: expected ${REQUEST_VERSION}`);
    return { program: readString(r), environment: readEnvironment(r), input: readString(r) };
  });
}

export function encodeRequest(request: ShimRequest): Uint8Array {
  const w = new ByteWriter();
  w.u8(REQUEST);
  w.u8(REQUEST_VERSION);
  writeString(w, request.program);
  writeEnvironment(w, request.environment);
  writeString(w, request.input);
  return w.finish();
}

/** The end of a conversation. `status` is the shim's exit status, 0..255. */
export function encodeResult(status: number, output: string): Uint8Array {
  const w = new ByteWriter();
  w.u8(RESULT);
  w.u8(status);
  writeString(w, output);
  return w.finish();
}

export function encodeExecution(execution: Execution): Uint8Array {
  const w = new ByteWriter();
  w.u8(EXECUTE);
  writeString(w, execution.path);
  writeEnvironment(w, execution.environment);
  writeString(w, execution.input);
  return w.finish();
}

/** @throws {FrameError} on anything that is not one whole output. */
export function decodeOutput(payload: Uint8Array): ExecutionOutput {
  return whole(payload, OUTPUT, (r) => ({ started: r.u8() === 1, status: r.u8(), output: readString(r) }));
}

function whole<T>(payload: Uint8Array, kind: number, read: (r: ByteReader) => T): T {
  const r = new ByteReader(payload);
  try {
    const found = r.u8();
    if (found !== kind) throw new FrameError(`message kind 0x${found.toString(16)}: expected 0x${kind.toString(16)}`);
    const value = read(r);
    if (r.remaining > 0) throw new FrameError(`${r.remaining} bytes behind the end of the message`);
    return value;
  } catch (error) {
    if (error instanceof ShortReadError) throw new FrameError(`message cut short: ${error.message}`);
    throw error;
  }
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

function readString(r: ByteReader): string {
  const bytes = r.view(r.u32());
  try {
    return decoder.decode(bytes);
  } catch {
    throw new FrameError(`${bytes.length} bytes that are not UTF-8`);
  }
}

function writeString(w: ByteWriter, text: string): void {
  const bytes = encoder.encode(text);
  w.u32(bytes.length);
  w.bytes(bytes);
}

function readEnvironment(r: ByteReader): ReadonlyMap<string, string> {
  const count = r.u32();
  if (count > STRINGS_LIMIT) throw new FrameError(`${count} environment variables: expected at most ${STRINGS_LIMIT}`);
  const environment = new Map<string, string>();
  for (let i = 0; i < count; i++) {
    const entry = readString(r);
    const at = entry.indexOf('=');
    if (at < 1) throw new FrameError(`environment entry ${JSON.stringify(entry)}: expected NAME=value`);
    environment.set(entry.slice(0, at), entry.slice(at + 1));
  }
  return environment;
}

function writeEnvironment(w: ByteWriter, environment: ReadonlyMap<string, string>): void {
  w.u32(environment.size);
  for (const [name, value] of environment) writeString(w, `${name}=${value}`);
}
