/** All suites of the contract, run on every server. */
import { describe } from '@jest/globals';
import type { Suite } from './builders.ts';
import { clientNode } from './client-node.ts';
import { customResources } from './custom-resources.ts';
import { deleting } from './deleting.ts';
import { kubectl } from './kubectl.ts';
import { listing } from './listing.ts';
import { proxying } from './proxying.ts';
import { refusing } from './refusing.ts';
import { watching } from './watching.ts';
import { writing } from './writing.ts';

const SUITES: Readonly<Record<string, Suite>> = {
  writing, refusing, listing, watching, deleting, 'custom resources': customResources, 'the pod proxy': proxying, kubectl, 'client-node': clientNode,
};

export const contract: Suite = (server) => {
  for (const [name, suite] of Object.entries(SUITES)) describe(name, () => { suite(server); });
};
