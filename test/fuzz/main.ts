/** `npm run fuzz`: says wrong things at every door that there is, and looks whether what must not happen happens. */
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Seeded } from '../support/seeded.ts';
import { advertisements } from './advertisements.ts';
import { SessionFuzz } from './sessions.ts';
import { controlSocket, shimSocket } from './sockets.ts';

const USAGE = `usage: npm run fuzz -- [--messages N] [--seed N]
--messages: BGP messages, 1000..10000000 (100000 unless said); the sockets get a hundredth of it, at most 20000. --seed: the same one
says the same again.`;
const PARTS = 10;
/** Share of the heap after the first tenth that may be added until the end. */
const GROWTH = 0.05;

interface Options { readonly messages: number; readonly seed: number }

function optionsOf(args: string[]): Options {
  const { values } = parseArgs({ args, options: { messages: { type: 'string', default: '100000' }, seed: { type: 'string', default: '1' } } });
  const [messages, seed] = [Number(values.messages), Number(values.seed)];
  if (!Number.isInteger(messages) || messages < 1_000 || messages > 10_000_000) throw new Error(`--messages ${values.messages}: expected 1000..10000000\n${USAGE}`);
  if (!Number.isInteger(seed)) throw new Error(`--seed ${values.seed}: expected an integer\n${USAGE}`);
  return { messages, seed };
}

const collect = (() => { setFlagsFromString('--expose-gc'); return runInNewContext('gc') as () => void; })();

/** Mebibytes that something still refers to. */
function heap(): number {
  for (let i = 0; i < 4; i++) collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return (heapUsed + arrayBuffers) / 1_048_576;
}

const say = (text: string): void => { process.stdout.write(`${text}\n`); };

async function sessions({ messages, seed }: Options): Promise<void> {
  const fuzz = new SessionFuzz(new Seeded(seed));
  await fuzz.start();
  const start = performance.now();
  const heaps: number[] = [];
  for (let part = 1; part <= PARTS; part++) {
    await fuzz.run(messages / PARTS);
    await fuzz.freshen();
    await fuzz.drain();
    heaps.push(heap());
    const { tally } = fuzz;
    const seconds = (performance.now() - start) / 1_000;
    say(`${String(tally.messages).padStart(9)} messages, ${Math.round(tally.messages / seconds)} a second; ${tally.resets} sessions ended by us, ${tally.sessions} begun; `
      + `${tally.compared} looked up in the table; ${tally.news} ways to be wrong; heap ${heaps.at(-1)!.toFixed(1)} MiB`);
  }
  await fuzz.close();
  const growth = heaps.at(-1)! / heaps[0]! - 1;
  say(`heap from one tenth to the end: ${(growth * 100).toFixed(1)} %`);
  if (messages >= 1_000_000 && growth > GROWTH) throw new Error(`the heap has grown by ${(growth * 100).toFixed(1)} %: expected at most ${GROWTH * 100} %`);
}

async function sockets({ messages, seed }: Options): Promise<void> {
  const requests = Math.min(20_000, Math.ceil(messages / 100));
  say(`control socket: ${requests} requests, ${await controlSocket(new Seeded(seed), requests)} problems told`);
  say(`socket of the CNI executable: ${requests} requests, ${await shimSocket(new Seeded(seed), requests)} answered`);
  say(`router advertisements: ${messages}, of which ${advertisements(new Seeded(seed), messages)} are some`);
}

// A rejection that nobody awaits, or an exception in a callback, ends the process by itself: that is a finding too.
const options = optionsOf(process.argv.slice(2));
say(`seed ${options.seed}`);
await sockets(options);
await sessions(options);
