/** The CNI_* environment of an invocation: checked here once, trusted afterwards. */
import { CNI_CODE, CniError } from './errors.ts';

export const COMMANDS = ['ADD', 'DEL', 'CHECK', 'GC', 'STATUS'] as const;
export type Command = (typeof COMMANDS)[number];

/** The Kubernetes pod a runtime names in CNI_ARGS. */
export interface PodReference {
  readonly namespace: string;
  readonly name: string;
  /** Empty when the runtime did not say. */
  readonly uid: string;
}

/** One container's interface: what ADD makes and DEL removes. */
export interface AttachmentReference {
  readonly containerId: string;
  readonly interfaceName: string;
  /** Path of the network namespace; empty where the runtime need not say (DEL). */
  readonly netns: string;
  readonly pod: PodReference | undefined;
}

export type Invocation =
  | { readonly command: 'ADD' | 'DEL' | 'CHECK'; readonly attachment: AttachmentReference; readonly pluginPath: string }
  | { readonly command: 'GC' | 'STATUS'; readonly pluginPath: string };

/**
 * 200 leaves room for the network's name in the handle `<network>.<container ID>`, which is the name of an API object.
 */
const CONTAINER_ID = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,199}$/;
const INTERFACE_NAME = /^[^\s/:]{1,15}$/;
const NAMESPACE_NAME = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const POD_NAME = /^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/;
const POD_UID = /^[A-Za-z0-9-]{1,64}$/;

/** @throws {CniError} 4 that names the variable, its value and what was expected. */
export function readInvocation(environment: ReadonlyMap<string, string>): Invocation {
  const text = environment.get('CNI_COMMAND') ?? '';
  const command = COMMANDS.find((c) => c === text);
  if (command === undefined) throw bad('CNI_COMMAND', text, `one of ${COMMANDS.join(', ')}, VERSION`);
  const pluginPath = environment.get('CNI_PATH') ?? '';
  if (command === 'GC' || command === 'STATUS') return { command, pluginPath };
  return { command, pluginPath, attachment: readAttachment(command, environment) };
}

function readAttachment(command: Command, environment: ReadonlyMap<string, string>): AttachmentReference {
  const containerId = environment.get('CNI_CONTAINERID') ?? '';
  if (!CONTAINER_ID.test(containerId)) {
    throw bad('CNI_CONTAINERID', containerId, 'letters, digits, "_", "." and "-", at most 200, a letter or digit first');
  }
  const interfaceName = environment.get('CNI_IFNAME') ?? '';
  if (!INTERFACE_NAME.test(interfaceName) || interfaceName === '.' || interfaceName === '..') {
    throw bad('CNI_IFNAME', interfaceName, 'an interface name: 1 to 15 characters without blanks, "/" and ":"');
  }
  const netns = environment.get('CNI_NETNS') ?? '';
  if (netns === '' ? command !== 'DEL' : !netns.startsWith('/')) {
    throw bad('CNI_NETNS', netns, 'the absolute path of a network namespace');
  }
  return { containerId, interfaceName, netns, pod: readPod(readArguments(environment.get('CNI_ARGS') ?? '')) };
}

/** CNI_ARGS is `NAME=value;NAME=value`; names we do not know are none of our business. */
function readArguments(text: string): ReadonlyMap<string, string> {
  const args = new Map<string, string>();
  for (const pair of text.split(';')) {
    if (pair === '') continue;
    const at = pair.indexOf('=');
    if (at < 1) throw bad('CNI_ARGS', pair, 'NAME=value pairs separated by ";"');
    args.set(pair.slice(0, at), pair.slice(at + 1));
  }
  return args;
}

/** Both names make a Kubernetes pod; without them it is a container of something else. */
function readPod(args: ReadonlyMap<string, string>): PodReference | undefined {
  if (args.get('IP')) {
    throw new CniError(CNI_CODE.unsupportedField, `CNI_ARGS: IP=${args.get('IP')} asks for a certain address, which is not supported yet`);
  }
  const namespace = args.get('K8S_POD_NAMESPACE') ?? '';
  const name = args.get('K8S_POD_NAME') ?? '';
  const uid = args.get('K8S_POD_UID') ?? '';
  if (namespace === '' && name === '') return undefined;
  if (!NAMESPACE_NAME.test(namespace)) throw bad('CNI_ARGS K8S_POD_NAMESPACE', namespace, 'the name of a namespace');
  if (!POD_NAME.test(name)) throw bad('CNI_ARGS K8S_POD_NAME', name, 'the name of a pod');
  if (uid !== '' && !POD_UID.test(uid)) throw bad('CNI_ARGS K8S_POD_UID', uid, 'the UID of a pod');
  return { namespace, name, uid };
}

function bad(name: string, value: string, expected: string): CniError {
  const shown = value === '' ? 'is missing' : `${JSON.stringify(value.slice(0, 300))} is not valid`;
  return new CniError(CNI_CODE.badEnvironment, `${name}: ${shown}: expected ${expected}`);
}
