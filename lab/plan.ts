/** Names, addresses and folders of a lab: everything that follows from its name and its number of nodes. */
import { OperationError } from '../lib/errors.ts';

/** Each lab has a folder here; the last one that goes removes this one too. */
export const LABS_DIRECTORY = '/var/lib/tortie-lab';
export const DEFAULT_NAME = 'lab';
export const MAXIMUM_NODES = 200;
/** A daemon that died is started again after this long, as a kubelet would. */
export const RESTART_DELAY_MS = 1_000;

export const POD_POOL4 = '10.244.0.0/16';
export const POD_POOL6 = 'fd00:10:244::/64';
export const NODE_ASN = 64512;
export const TOR_ASN = 65000;
/** What the responder in each pod listens on, TCP and UDP. */
export const POD_PORT = 8080;
export const API_PORT = 6443;

export interface MachineAddress { readonly name: string; readonly address4: string; readonly address6: string }

/** On the switch: 10.99.0.1 and fd99::1. Behind it is the host's link. */
export const TOR: MachineAddress = { name: 'tor', address4: '10.99.0.1', address6: 'fd99::1' };
export const CONTROL: MachineAddress = { name: 'control', address4: '10.99.0.2', address6: 'fd99::2' };
/** Behind the ToR router, not on the switch. */
export const HOST: MachineAddress = { name: 'host', address4: '10.98.0.2', address6: 'fd98::2' };
export const TOR_TOWARDS_HOST: MachineAddress = { name: 'tor', address4: '10.98.0.1', address6: 'fd98::1' };

/** Node number 1, 2, … has the last byte 11, 12, …; in IPv6 the same digits. */
export function nodeAddress(number: number): MachineAddress {
  return { name: `n${number}`, address4: `10.99.0.${10 + number}`, address6: `fd99::${10 + number}` };
}

export const nodesOf = (count: number): MachineAddress[] => Array.from({ length: count }, (_, i) => nodeAddress(i + 1));

/** Throws OperationError LAB_NAME: names become parts of namespace names, and a `-` would make prefixes ambiguous. */
export function checkName(name: string): string {
  if (!/^[a-z0-9]{1,12}$/.test(name)) throw new OperationError('LAB_NAME', { name, expected: '1 to 12 of a-z and 0-9' });
  return name;
}

export function checkNodeCount(count: number): number {
  if (!Number.isInteger(count) || count < 1 || count > MAXIMUM_NODES) {
    throw new OperationError('LAB_NODES', { nodes: count, expected: `1 to ${MAXIMUM_NODES}` });
  }
  return count;
}

export const directoryOf = (lab: string): string => `${LABS_DIRECTORY}/${lab}`;
export const machineDirectory = (lab: string, machine: string): string => `${directoryOf(lab)}/${machine}`;
export const controlSocket = (lab: string): string => `${directoryOf(lab)}/supervisor.sock`;
/** What the supervisor builds, as JSON. */
export const topologyFile = (lab: string): string => `${directoryOf(lab)}/topology.json`;
export const supervisorLog = (lab: string): string => `${directoryOf(lab)}/supervisor.log`;
export const hostKubeconfig = (lab: string): string => `${directoryOf(lab)}/kubeconfig`;
export const daemonLog = (lab: string, machine: string, daemon: string): string => `${machineDirectory(lab, machine)}/log/${daemon}.log`;

/** Every network namespace of a lab starts with this. */
export const namespacePrefix = (lab: string): string => `tl-${lab}-`;
export const namespaceOf = (lab: string, machine: string): string => `${namespacePrefix(lab)}${machine}`;
