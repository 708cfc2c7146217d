/** `tortiectl ipam show [--show-blocks] [--ip=ADDRESS]`: how full pools and blocks are, and who has an address. */
import type { Command } from 'commander';
import type { IPAMBlock } from '../config/kinds/ipam.ts';
import { addressOf, contains, containsAddress, familyOf, sizeOf, type Ip, type Prefix } from '../lib/ip/prefix.ts';
import { parseIp, parsePrefix } from '../lib/ip/text.ts';
import { withCluster, type Cluster } from './cluster.ts';
import { UsageError } from './errors.ts';
import { boxTable } from './tables.ts';
import type { KindName, ResourceOfKind } from '../config/kinds/kinds.ts';

const HEAD = ['GROUPING', 'CIDR', 'IPS TOTAL', 'IPS IN USE', 'IPS RESERVED', 'IPS FREE'];

interface Options { readonly showBlocks?: boolean; readonly showConfiguration?: boolean; readonly ip?: string }

export function addIpamShow(ipam: Command): void {
  ipam.command('show').description('print how full pools and blocks are, or who has an address')
    .option('--ip <address>', 'tell about this address')
    .option('--show-blocks', 'the blocks of each pool too')
    .option('--show-configuration', 'the settings of address management')
    .action(async (_options: unknown, command: Command) => {
      const options = command.opts<Options>();
      const address = options.ip === undefined ? undefined : parseIp(options.ip);
      if (options.ip !== undefined && address === undefined) throw new UsageError(`--ip ${JSON.stringify(options.ip)} is not an IP address`);
      await withCluster(command, async (cluster) => {
        if (address !== undefined) process.stdout.write(showAddress(options.ip!, address, await listed(cluster, 'IPAMBlock')));
        else if (options.showConfiguration === true && options.showBlocks !== true) process.stdout.write(showConfiguration(await listed(cluster, 'IPAMConfiguration')));
        else process.stdout.write(await showPools(cluster, options.showBlocks === true));
      });
    });
}

async function listed<K extends KindName>(cluster: Cluster, kind: K): Promise<ResourceOfKind<K>[]> {
  const { items } = await cluster.kube.list(cluster.storage.resource(kind));
  return items.map((o) => cluster.storage.fromStored(kind, o).value).filter((v) => v !== undefined);
}

/** Who holds an address, in calicoctl's words. */
export function showAddress(text: string, address: Ip, blocks: readonly IPAMBlock[]): string {
  const block = blocks.find((b) => { const cidr = parsePrefix(b.spec.cidr); return cidr !== undefined && containsAddress(cidr, address); });
  const ordinal = block === undefined ? 0 : Number(BigInt(address) - BigInt(addressOf(parsePrefix(block.spec.cidr)! as never)));
  const index = block?.spec.allocations[ordinal];
  if (block === undefined || index === undefined || index === null) return `${text} is not assigned\n`;
  const attribute = block.spec.attributes[index];
  const owner = Object.entries(attribute?.secondary ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  const lines = [`IP ${text} is in use`, `Handle ID: ${attribute?.handle_id ?? '<none>'}`];
  if (owner.length === 0) lines.push('No Active Owner attributes defined');
  else lines.push('Active Owner Attributes:', ...owner.map(([k, v]) => `  ${k}: ${v}`));
  return `${lines.join('\n')}\n`;
}

interface Usage { readonly total: number; readonly used: number; readonly reserved: number }

async function showPools(cluster: Cluster, showBlocks: boolean): Promise<string> {
  const [pools, blocks, reservations] = [await listed(cluster, 'IPPool'), await listed(cluster, 'IPAMBlock'), await listed(cluster, 'IPReservation')];
  const reserved = reservations.flatMap((r) => r.spec.reservedCIDRs ?? []).map((c) => parsePrefix(c.includes('/') ? c : `${c}/${c.includes(':') ? 128 : 32}`)).filter((p) => p !== undefined);
  const rows: string[][] = [];
  const left = new Set(blocks);
  const blockRow = (b: IPAMBlock): string[] => row('Block', b.spec.cidr, usageOf(parsePrefix(b.spec.cidr)!, [b], reserved));
  for (const pool of pools.sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))) {
    const cidr = parsePrefix(pool.spec.cidr)!;
    const inside = blocks.filter((b) => contains(cidr, parsePrefix(b.spec.cidr)!)).sort((a, b) => (a.spec.cidr < b.spec.cidr ? -1 : 1));
    rows.push(row('IP Pool', pool.spec.cidr, usageOf(cidr, inside, reserved)));
    for (const b of inside) { left.delete(b); if (showBlocks) rows.push(blockRow(b)); }
  }
  if (showBlocks) rows.push(...[...left].map(blockRow));
  return boxTable(HEAD, rows, HEAD.slice(2));
}

function usageOf(cidr: Prefix, blocks: readonly IPAMBlock[], reservations: readonly Prefix[]): Usage {
  const used = blocks.reduce((sum, b) => sum + b.spec.allocations.filter((a) => a !== null).length, 0);
  const reserved = reservations.filter((r) => familyOf(r) === familyOf(cidr)).reduce((sum, r) =>
    sum + (contains(cidr, r) ? Number(sizeOf(r)) : contains(r, cidr) ? Number(sizeOf(cidr)) : 0), 0);
  return { total: Number(sizeOf(cidr)), used, reserved };
}

function row(grouping: string, cidr: string, { total, used, reserved }: Usage): string[] {
  const counted = (n: number): string => `${fiveDigits(n)} (${(100 * n / total).toFixed(0)}%)`;
  return [grouping, cidr, fiveDigits(total), counted(used), counted(reserved), counted(Math.max(0, total - used - reserved))];
}

/** Five significant digits as Go's %.5g: `65536`, `1.0486e+06`. */
export function fiveDigits(n: number): string {
  if (n < 100_000) return String(n);
  const [mantissa, exponent] = n.toExponential(4).split('e') as [string, string];
  return `${mantissa.replace(/\.?0+$/, '')}e+${exponent.slice(1).padStart(2, '0')}`;
}

function showConfiguration(found: readonly ResourceOfKind<'IPAMConfiguration'>[]): string {
  const spec = found[0]?.spec;
  return boxTable(['PROPERTY', 'VALUE'], [
    ['StrictAffinity', String(spec?.strictAffinity ?? false)], ['AutoAllocateBlocks', String(spec?.autoAllocateBlocks ?? true)],
    ['MaxBlocksPerHost', String(spec?.maxBlocksPerHost ?? 0)], ['KubeVirtVMAddressPersistence', spec?.kubeVirtVMAddressPersistence ?? 'Enabled'],
    ['IPCooldownSeconds', String(spec?.ipCooldownSeconds ?? 0)],
  ]);
}
