/** The lab's command line: what each command takes, and what was meant. Pure. */
import { parseArgs } from 'node:util';
import { OperationError } from '../lib/errors.ts';
import { DEFAULT_NAME, checkName } from './plan.ts';

export const USAGE = `usage: npm run lab [-- COMMAND]
  [--name NAME]                   a lab of three nodes and six pods, and who reaches whom
  up [--nodes N] [--name NAME] [--port PORT]
  up --racks N …                  N racks of two nodes and two ToR routers each (docs/bgp.md, Topologies)
  down [--name NAME] [--all]      removes every trace; works after a crash too
  status | list
  pod add NAME [--node NODE] [--namespace NS]
  pod del NAME [--namespace NS]
  exec NODE|POD|tor|host|control -- COMMAND
  matrix                          every pod asks every other
  break link|kill|pause NODE      cable out; crash (of a router too); daemons stand still
  kill MACHINE DAEMON [SIGNAL]    bfdd, bgpd or agent of a node, bird of tor, apiserver of control; one that ends is started again after a second
  heal [NODE]
  kubeconfig                      prints the path: export KUBECONFIG=$(npm run -s lab -- kubeconfig)
  kubectl ARGUMENTS | tortiectl ARGUMENTS
Options: --name NAME names another lab (${DEFAULT_NAME} unless said).
`;

export interface Call {
  readonly words: readonly string[];
  /** Of `exec`: the command to run. */
  readonly rest: readonly string[];
  readonly name: string;
  readonly values: Readonly<Record<string, string | boolean | undefined>>;
}

/** Command → how many words of its own may follow it; others take none. */
const WORDS: Readonly<Record<string, number>> = { pod: 2, exec: 1, break: 2, kill: 3, heal: 1, help: 9 };

/** Options alone are those of the lab with six pods, as no words at all are. */
export function commandIn([word = 'demo', ...rest]: readonly string[]): { readonly command: string; readonly rest: readonly string[] } {
  if (word === '--help' || word === '-h') return { command: 'help', rest };
  return word.startsWith('-') ? { command: 'demo', rest: [word, ...rest] } : { command: word, rest };
}

/** Throws OperationError LAB_USAGE on a word too many: `down mylab` shall not take down another lab. */
export function parseArguments(command: string, args: readonly string[]): Call {
  const { own, rest } = command === 'exec' ? splitExec(args) : { own: [...args], rest: [] };
  const { values, positionals } = parseArgs({
    args: own, allowPositionals: true, options: {
      name: { type: 'string' }, nodes: { type: 'string' }, racks: { type: 'string' }, port: { type: 'string' }, node: { type: 'string' }, namespace: { type: 'string' },
      all: { type: 'boolean' }, source: { type: 'boolean' }, owned: { type: 'boolean' },
    },
  });
  const surplus = positionals.slice(WORDS[command] ?? 0);
  if (surplus.length > 0) throw new OperationError('LAB_USAGE', { command, surplus: surplus.join(' '), help: 'npm run lab -- help' });
  return { words: positionals, rest, name: checkName(values.name ?? DEFAULT_NAME), values };
}

/** `exec PLACE [--name NAME] [--] COMMAND …`: what follows the place is the command's; npm eats the first `--` it sees. */
function splitExec(args: readonly string[]): { readonly own: string[]; readonly rest: readonly string[] } {
  const own: string[] = [];
  let placed = false;
  for (let i = 0; i < args.length; i++) {
    const word = args[i]!;
    if (word === '--') return { own, rest: args.slice(i + 1) };
    if (word === '--name') own.push(word, ...args.slice(++i, i + 1));
    else if (word.startsWith('--name=')) own.push(word);
    else if (placed) return { own, rest: args.slice(i) };
    else { own.push(word); placed = true; }
  }
  return { own, rest: [] };
}
