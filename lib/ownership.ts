/** Every mark by which a kernel object or a file is known to be ours. Nothing without one of these is touched. */

/** Route protocol of `bgpd`: learned routes, and blackholes of own blocks. */
export const BGPD_ROUTE_PROTOCOL = 84;
/** Route protocol of `agent`: pod routes (and tunnels, later). */
export const AGENT_ROUTE_PROTOCOL = 85;
/** Metric of routes that `bgpd` installs and that have none of their own: Calico's normal route priority. */
export const BGP_ROUTE_METRIC = 1024;
/** Route protocol of BIRD: left over by Calico, adopted by replacing where prefix and metric are ours. */
export const BIRD_ROUTE_PROTOCOL = 12;
/** Pod interfaces on the node: this prefix and 11 hex digits of SHA-1 of `namespace.pod`. */
export const POD_INTERFACE_PREFIX = 'cali';
/** The address pods use as their gateway; no interface carries it. */
export const POD_GATEWAY4 = '169.254.1.1';
/** MAC address of the node's end of every pod link. */
export const POD_GATEWAY_MAC = 'ee:ee:ee:ee:ee:ee';
/** Link-local address that follows from that MAC address. */
export const POD_GATEWAY6 = 'fe80::ecee:eeff:feee:eeee';

export const STATE_DIRECTORY = '/var/lib/tortie';
export const AGENT_SOCKET = '/run/tortie/agent.sock';
export const BGPD_SOCKET = '/run/tortie/bgpd.sock';
export const BGPD_STATE_FILE = '/run/tortie/bgpd.state';
export const BFDD_SOCKET = '/run/tortie/bfdd.sock';
export const BFDD_STATE_FILE = '/run/tortie/bfdd.state';
export const CNI_BINARY_DIRECTORY = '/opt/cni/bin';
export const CNI_CONFIGURATION_FILE = '/etc/cni/net.d/10-tortie.conflist';
/** TCP port on which the agent serves status, health and metrics; reached through the API server's pod proxy. */
export const AGENT_STATUS_PORT = 9098;
/** Namespace and label of the pods that stand for agents, for the pod proxy. */
export const SYSTEM_NAMESPACE = 'kube-system';
export const AGENT_POD_LABEL = { 'k8s-app': 'tortie-agent' } as const;
