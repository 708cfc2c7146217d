/** Which cells of docs/interop.md must pass, written down before the run, and what the others rest on. */

/** Feature → what its cell shows, in the order of the table. */
export const FEATURES = {
  gtsm: ['GTSM (5082)', 'A session on which they do not send TTL 255 is refused by us; one on which both demand it comes up.'],
  md5: ['TCP-MD5 (2385)', 'With another key the session stays down and we say that the key may be wrong; with theirs it comes up without a restart.'],
  sessionV4: ['session over IPv4', 'Established on both sides, hold time as negotiated.'],
  sessionV6: ['session over IPv6', 'The same.'],
  routesV4: ['IPv4 routes both ways', 'Theirs is in our kernel through them; ours is in their table with our AS number and address.'],
  routesV6: ['IPv6 routes both ways', 'The same.'],
  communities: ['communities, extended, large (1997, 4360, 8092)', 'One of each sort comes from them, and goes to them from a third router through us.'],
  wellKnown: ['well-known communities', 'Their route with NO_EXPORT is used by us and does not leave our AS; a third router\'s with it does not get to them.'],
  addPathSend: ['ADD-PATH, we send (7911)', 'Both ways to a prefix that a third router gave us are in their table.'],
  addPathReceive: ['ADD-PATH, we receive', 'Both of their ways to a prefix are in ours, with two identifiers.'],
  extendedSend: ['extended messages, we send (8654)', 'A route with 1,100 communities, which fills more than 4,096 octets, is in their table with all of them.'],
  extendedReceive: ['extended messages, we receive', 'The same the other way.'],
  refreshTheirs: ['route refresh, they ask (2918)', 'Their request is answered with all our routes; none is lost.'],
  refreshOurs: ['route refresh, we ask', 'Our request brings their routes again; none leaves our kernel.'],
  enhanced: ['enhanced route refresh (7313)', 'What is sent for a request stands between marks, both ways.'],
  gshutReceive: ['GSHUT, they leave (8326)', 'Their route with GRACEFUL_SHUTDOWN loses against a longer path of a third router.'],
  gshutSend: ['GSHUT, we leave', 'Our routes get the community, and lose it again, on a live session.'],
  roles: ['roles, Only to Customer (9234)', 'Their role is customer, ours provider: our route carries OTC in their table. As two customers the session does not come up.'],
  nextHop6: ['IPv4 over IPv6 next hops (8950)', 'Theirs is in our kernel through an IPv6 gateway; ours is in their table with our IPv6 address.'],
  unnumbered: ['unnumbered', 'A session by interface between link-local addresses, found by router advertisements; routes of both families in our kernel.'],
  reflection: ['reflection, they are the client (4456)', 'They get another internal router\'s route, and it theirs, with originator and cluster.'],
  restartOurs: ['restart of our side (4724)', 'We are killed: our routes stay in their table, and are fresh when we are back.'],
  restartTheirs: ['restart of their side', 'They are killed: their routes stay in our kernel, and are fresh when they are back.'],
  longLivedOurs: ['LLGR, we stay away (9494)', 'After the restart time our route is in their table with LLGR_STALE, until we are back.'],
  longLivedTheirs: ['LLGR, they stay away', 'After the restart time their route is in our kernel and has LLGR_STALE, until they are back.'],
  shutdownOurs: ['shutdown message, ours (9003)', 'They show the text that our operator gave.'],
  shutdownTheirs: ['shutdown message, theirs', 'We show the text that their operator gave.'],
} as const satisfies Readonly<Record<string, readonly [string, string]>>;

export type Feature = keyof typeof FEATURES;
export const PEERS = ['BIRD 2', 'FRR', 'GoBGP', 'OpenBGPD', 'ExaBGP'] as const;
export type PeerName = (typeof PEERS)[number];

/** Why a cell does not have to pass. */
export type Lack =
  /** The run sees that its OPEN on v4 has no such capability, although the configuration asks for all that there is. */
  | { readonly noCapability: number }
  /** What its manual or source says, and where. */
  | { readonly manual: string };

const no = (noCapability: number): Lack => ({ noCapability });

/** Every feature that is not named here must pass. */
export const LACKS: { readonly [P in PeerName]: { readonly [F in Feature]?: Lack } } = {
  'BIRD 2': {},
  'FRR': {},
  'GoBGP': {
    extendedSend: no(6), extendedReceive: no(6), enhanced: no(70), roles: no(9),
    refreshTheirs: { manual: 'It keeps what it received: "gobgp neighbor ADDRESS softresetin" applies its policies to that again and sends no ROUTE-REFRESH.' },
  },
  'OpenBGPD': {
    extendedSend: no(6), extendedReceive: no(6), longLivedOurs: no(71), longLivedTheirs: no(71), nextHop6: no(5),
    refreshOurs: { manual: 'It logs "route refresh: AID IPv4 unicast not negotiated" for every ROUTE-REFRESH, although "bgpctl show neighbor" has it negotiated.' },
    enhanced: { manual: 'As for the refresh that we ask for: it does not act on our request, and so sends no marks. Ours come when it asks.' },
    restartTheirs: { manual: 'bgpd.conf(5): "Currently only the End-of-RIB marker is supported and announced by the restart capability."' },
    unnumbered: { manual: 'bgpd.conf(5) knows a neighbor by address or by address and prefix length; none of its properties names an interface to find one on.' },
  },
  'ExaBGP': {
    longLivedOurs: no(71), longLivedTheirs: no(71), roles: no(9),
    enhanced: { manual: 'It sends the capability, and the routes that we ask for, but no marks around them (seen with 4.2.21).' },
    restartOurs: { manual: 'exabgp(1): no FIB manipulation; it tells programs what it hears and decides nothing on routes, so there are none to keep.' },
    unnumbered: { manual: 'Its parser takes an address or a prefix for "neighbor" (configuration/parser.py, peer_ip: "an ip address is required").' },
    shutdownOurs: { manual: 'Its 4.2.21 does not survive the reading of a text: notification.py formats bytes with a string, which Python 3 refuses.' },
    shutdownTheirs: { manual: 'Its API has "teardown" with a number and nothing else (reactor/api/command/neighbor.py).' },
  },
};
