/** What the scripts say while they work: nothing is silent for more than a few seconds, errors end with what to do. */
import { spawn } from 'node:child_process';

const BEAT_MS = 4_000;

/** A thing that the person at the keyboard can put right: printed without a stack. */
export class Advice extends Error {}

export const say = (text) => { process.stdout.write(`${text}\n`); };

/** Runs `work`, printing `what` when it starts and how long it takes every few seconds. */
export async function announced(what, work) {
  const start = Date.now();
  say(`- ${what}`);
  const beat = setInterval(() => { say(`  ... ${what} (${seconds(start)})`); }, BEAT_MS);
  try {
    return await work();
  } finally {
    clearInterval(beat);
  }
}

export const seconds = (start) => `${((Date.now() - start) / 1000).toFixed(1)} s`;

/**
 * Runs a program to its end. `show: true` lets it write to our terminal; otherwise its output is kept and returned.
 * Never throws on a non-zero status: `{ code, output }`. Signals to us are passed on.
 */
export function run(program, args, { show = false, cwd, env } = {}) {
  return new Promise((resolve) => {
    const child = spawn(program, args, {
      cwd, env: env ?? process.env,
      stdio: show ? 'inherit' : ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    child.stdout?.on('data', (bytes) => { output += bytes; });
    child.stderr?.on('data', (bytes) => { output += bytes; });
    const forward = (signal) => { child.kill(signal); };
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
    for (const s of signals) process.on(s, forward);
    const end = (code, text) => {
      for (const s of signals) process.off(s, forward);
      resolve({ code, output: output + text });
    };
    child.on('error', (error) => { end(127, `${program}: ${error.message}\n`); });
    child.on('close', (code, signal) => { end(code ?? 128 + (signal === 'SIGINT' ? 2 : 15), ''); });
  });
}

/** As `run`, but a failure becomes Advice with the program's last lines. */
export async function must(what, program, args, options) {
  const { code, output } = await run(program, args, options);
  if (code !== 0) throw new Advice(`${what} failed (${program} ended with ${code}).\n${lastLines(output)}`);
  return output;
}

export const lastLines = (text, count = 25) => text.trimEnd().split('\n').slice(-count).map((l) => `    ${l}`).join('\n');
