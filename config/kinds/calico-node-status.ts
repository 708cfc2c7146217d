/** CalicoNodeStatus: a question to one node's agent, which answers in the status. */
import { choice, integer, nullable, required, text } from '../schema/schema.ts';
import { timestamp } from '../schema/scalars.ts';
import { list, object } from '../schema/structure.ts';
import { kind, type ResourceOf } from './kind.ts';

const count = required(integer({ noun: 'a count' }));

const speaker = object({
  state: choice('a state', ['Ready', 'NotReady']),
  version: text(), routerID: text(), lastBootTime: text(), lastReconfigurationTime: text(),
});

const peers = list(object({
  peerIP: text(),
  type: choice('a type of peer', ['NodeMesh', 'NodePeer', 'GlobalPeer']),
  state: choice('a state', ['Idle', 'Connect', 'Active', 'OpenSent', 'OpenConfirm', 'Established', 'Close']),
  since: text(),
}), { type: 'atomic' });

const routes = list(object({
  type: choice('a type of route', ['FIB', 'RIB']),
  destination: text(), gateway: text(), interface: text(),
  learnedFrom: object({ sourceType: choice('a source', ['Kernel', 'Static', 'Direct', 'NodeMesh', 'BGPPeer']), peerIP: text() }),
}), { type: 'atomic' });

export const CALICO_NODE_STATUS = kind({
  kind: 'CalicoNodeStatus', plural: 'caliconodestatuses', singular: 'caliconodestatus',
  spec: object({
    node: text(),
    classes: list(choice('a class', ['Agent', 'BGP', 'Routes']), { type: 'set' }),
    /** Seconds between answers; 0: none. */
    updatePeriodSeconds: integer({ noun: 'a number of seconds', minimum: 0, maximum: 86400, format: 'int32', unstated: true }),
  }),
  status: object({
    lastUpdated: nullable(timestamp),
    agent: object({ birdV4: speaker, birdV6: speaker }),
    bgp: object({
      numberEstablishedV4: count, numberNotEstablishedV4: count, numberEstablishedV6: count, numberNotEstablishedV6: count,
      peersV4: peers, peersV6: peers,
    }),
    routes: object({ routesV4: routes, routesV6: routes }),
  }), statusSubresource: true,
  columns: [
    { name: 'Node', type: 'string', jsonPath: '.spec.node' },
    { name: 'Classes', type: 'string', jsonPath: '.spec.classes' },
  ],
});
export type CalicoNodeStatus = ResourceOf<typeof CALICO_NODE_STATUS>;
