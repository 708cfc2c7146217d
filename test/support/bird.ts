/** BIRD 2 in a namespace. */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Family } from '../../lib/ip/prefix.ts';
import { pathOf, program } from './capabilities.ts';
import { OURS, RESTART_TIME_SECONDS, THEIRS, is6, type ForeignDaemon, type ForeignSettings, type ForeignSpeaker } from './foreign-speaker.ts';
import { eventually, type Netns } from './namespaces.ts';

export const bird: ForeignDaemon = { name: 'BIRD', needs: [program('bird'), program('birdc')], hasFib: true, start };

async function start(ns: Netns, settings: ForeignSettings): Promise<ForeignSpeaker> {
  const [config, control] = [join(ns.directory, 'bird.conf'), join(ns.directory, 'bird.ctl')];
  writeFileSync(config, birdConfig(settings));
  const process = ns.spawn(pathOf('bird')!, ['-f', '-c', config, '-s', control, '-P', join(ns.directory, 'bird.pid'), ...(settings.recovering === true ? ['-R'] : [])]);
  const birdc = (...words: string[]): string => {
    const { status, stdout, stderr } = spawnSync(pathOf('birdc')!, ['-s', control, ...words], { encoding: 'utf8', timeout: 5_000 });
    if (status !== 0) throw new Error(`birdc ${words.join(' ')}: ${stderr}${stdout}${process.output}`);
    return stdout;
  };
  await eventually(10_000, () => birdc('show', 'status'));
  return {
    get output() { return process.output; },
    session: (family) => {
      const line = birdc('show', 'protocols', family === 'ipv4' ? 'v4' : 'v6').split('\n').find((l) => /^v[46] /.test(l)) ?? '';
      return line.includes('Established') ? 'Established' : line;
    },
    announce: (routes) => {
      writeFileSync(config, birdConfig({ ...settings, routes }));
      birdc('configure');
    },
    learned: (family) => birdc('show', 'route', 'protocol', family === 'ipv4' ? 'v4' : 'v6')
      .split('\n').map((l) => l.split(/\s+/)[0]!).filter((word) => word.includes('/')),
    signal: (signal) => { process.signal(signal); },
    kill: () => process.kill(),
  };
}

function birdConfig({ asn, ourAsn, routes, holdTimeSeconds = 6 }: ForeignSettings): string {
  const statics = (v6: boolean): string => routes.filter((r) => is6(r) === v6).map((r) => `route ${r} blackhole;`).join(' ');
  const session = (family: Family): string => `
protocol bgp ${family === 'ipv4' ? 'v4' : 'v6'} {
  local ${THEIRS[family]} as ${asn};
  neighbor ${OURS[family]} as ${ourAsn};
  hold time ${holdTimeSeconds};
  connect delay time 1; connect retry time 2; error wait time 1, 2;
  graceful restart on; graceful restart time ${RESTART_TIME_SECONDS};
  ${family} { import all; export where source = RTS_STATIC; next hop self; };
}`;
  return `
log stderr all;
router id ${THEIRS.ipv4};
graceful restart wait 10;
protocol device { scan time 1; }
protocol kernel k4 { persist; scan time 2; ipv4 { import none; export where source = RTS_BGP; }; }
protocol kernel k6 { persist; scan time 2; ipv6 { import none; export where source = RTS_BGP; }; }
protocol static s4 { ipv4; ${statics(false)} }
protocol static s6 { ipv6; ${statics(true)} }
${session('ipv4')}
${session('ipv6')}
`;
}
