/** docs/interop.md, made of what a run has shown. */
import { FEATURES, LACKS, PEERS, type Feature, type PeerName } from './cells.ts';

export interface Results {
  readonly versions: { [P in PeerName]?: string };
  readonly passed: { [P in PeerName]?: Feature[] };
  /** Codes of the capabilities in their OPEN. */
  readonly capabilities: { [P in PeerName]?: readonly number[] };
}

const FEATURE_NAMES = Object.keys(FEATURES) as Feature[];

function cell(results: Results, peer: PeerName, feature: Feature): string {
  const lack = LACKS[peer][feature];
  if (lack !== undefined) return 'peer lacks it';
  return results.passed[peer]?.includes(feature) === true ? 'yes' : '**NO**';
}

function evidence(results: Results, peer: PeerName): string[] {
  const lacks = FEATURE_NAMES.flatMap((feature) => {
    const lack = LACKS[peer][feature];
    if (lack === undefined) return [];
    const [title] = FEATURES[feature];
    return 'manual' in lack ? [`- ${peer}, ${title}: ${lack.manual}`] : [`- ${peer}, ${title}: its OPEN has no capability ${lack.noCapability}`];
  });
  return [`- ${peer}: capabilities in its OPEN on the IPv4 session, with everything switched on: ${(results.capabilities[peer] ?? []).join(', ')}`, ...lacks];
}

/** The lines that name versions end so, and are not compared. */
const VERSION = ' <!-- version -->';

export const pageWithoutVersions = (text: string): string => text.split('\n').filter((line) => !line.endsWith(VERSION)).join('\n');

export function page(results: Results): string {
  return `# Interoperability

Made by \`UPDATE_GOLDEN=1 npm run interop matrix\`; \`npm run interop\` runs every cell again and fails when this page says something else.
Each cell is a test of behaviour (\`test/interop/matrix/features.ts\`) between our speaker and the daemon, in network namespaces, with
everything switched on at once. Which cells must pass stands in \`test/interop/matrix/cells.ts\` before the run.

| | ${PEERS.join(' | ')} |
| --- |${PEERS.map(() => ' --- |').join('')}
${FEATURE_NAMES.map((feature) => `| ${FEATURES[feature][0]} | ${PEERS.map((peer) => cell(results, peer, feature)).join(' | ')} |`).join('\n')}

In every run \`tshark\` decodes what we sent, from the first OPEN to the last NOTIFICATION, without a malformed message.

## Versions

${PEERS.map((peer) => `- ${peer}: ${results.versions[peer] ?? 'not run'}${VERSION}`).join('\n')}

## What a cell shows

${FEATURE_NAMES.map((feature) => `- **${FEATURES[feature][0]}**: ${FEATURES[feature][1]}`).join('\n')}

## What "peer lacks it" rests on

${PEERS.flatMap((peer) => evidence(results, peer)).join('\n')}

${NOTES}`;
}

const NOTES = `## Notes

- ExaBGP has no table of routes: what it reports of UPDATEs is put together by the test.
- GoBGP leaves router advertisements to others on its machine: BIRD's \`radv\` makes them in the test. It must know its neighbour when it starts.
- tshark 4.0 does not know RFC 8654 and calls the length of longer messages invalid; that one remark is passed over, no other.
- FRR 8.4 may write extended optional parameters (RFC 9072). With a role in them its OPEN is malformed: the role has a length of one octet
  among those of two (\`test/golden/wire/bad-open-frr-extended-role.txt\`). Without one we read it (\`open-frr-extended-parameters.txt\`).
`;
