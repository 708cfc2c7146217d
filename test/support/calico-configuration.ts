/**
 * What BIRD 1.6 is told on a node of Calico's, as its templates render it for a mesh without encapsulation: the same
 * protocols, options and filters, in words of our own. `*_PRIORITY` of Calico's is a kernel metric here.
 */
import type { Family } from '../../lib/ip/prefix.ts';

export interface CalicoNodeSettings {
  readonly asn: number;
  readonly addresses: { readonly [F in Family]: string };
  /** The other node of the mesh. */
  readonly peer: { readonly asn: number; readonly addresses: { readonly [F in Family]: string } };
  readonly pools: { readonly [F in Family]: string };
  readonly blocks: { readonly [F in Family]: string };
}

/** LOCAL_PREF of a route with metric 0; one of metric N has N less. */
const HIGHEST = 2_147_483_647;
const NORMAL_METRIC = 1024;

export function calicoConfiguration({ asn, addresses, peer, pools, blocks }: CalicoNodeSettings, family: Family): string {
  const [address, pool, block, other] = [addresses[family], pools[family], blocks[family], peer.addresses[family]];
  // Calico's nodes wait for those whose address sorts after theirs, as text.
  const passive = other > address ? 'passive on;' : '';
  return `
log stderr all;
router id ${addresses.ipv4};
function blocks_of_this_node() {
  if (net = ${block}) then accept;
  if (net ~ ${block} && krt_metric < ${NORMAL_METRIC}) then accept;
  if (net ~ ${block}) then reject;
}
function to_peers(bool internal) {
  if internal then { if defined(ifname) then { if ((ifname ~ "*.cali") || (ifname ~ "*.calico") || (ifname ~ "tunl0")) then reject; } }
  blocks_of_this_node();
  if (net ~ ${pool}) then accept;
}
filter into_kernel {
  if (source = RTS_BGP) then {
    krt_metric = ${NORMAL_METRIC};
    if defined(bgp_local_pref) then krt_metric = ${HIGHEST} - bgp_local_pref;
    if (krt_metric < ${NORMAL_METRIC}) then preference = 200;
  }
  accept;
}
protocol kernel {
  learn; persist; scan time 2; import all; export filter into_kernel; graceful restart; merge paths on;
}
protocol device { scan time 2; }
protocol direct { interface -"cali*", -"kube-ipvs*", "*"; }
protocol static { route ${block} blackhole; }
template bgp mesh {
  local as ${asn};
  gateway recursive;
  add paths on;
  graceful restart;
  connect delay time 2;
  connect retry time 5;
  error wait time 5,30;
}
protocol bgp Mesh_${other.replaceAll(/[.:]/g, '_')} from mesh {
  neighbor ${other} as ${peer.asn};
  source address ${address};
  ttl security off;
  multihop;
  import filter {
    if (defined(bgp_local_pref) && (bgp_local_pref > ${HIGHEST - NORMAL_METRIC})) then preference = 200;
    accept;
  };
  export filter {
    if (source = RTS_BGP && defined(bgp_local_pref)) then krt_metric = ${HIGHEST} - bgp_local_pref;
    else {
      if !defined(krt_metric) then krt_metric = ${NORMAL_METRIC};
      bgp_local_pref = ${HIGHEST} - krt_metric;
    }
    to_peers(${String(asn === peer.asn)});
    reject;
  };
  ${passive}
}
`;
}
