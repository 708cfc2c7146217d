/** Validates the global section: who we are, where we listen, what the kernel gets, and where all is reported to. */
import type { BmpStation, GlobalSection } from '../../config/messages/speaker-config.ts';
import type { Problem } from '../../lib/errors.ts';
import { parseIp, showPrefix, prefix } from '../../lib/ip/text.ts';
import { Fields, MAXIMUM_U32, nameOf } from './fields.ts';

const MONITORS = ['pre-policy', 'post-policy', 'loc-rib'] as const;
const DAY_SECONDS = 86_400;

export function readGlobal(value: unknown, problems: Problem[]): GlobalSection {
  const f = new Fields(value, 'global', problems);
  const [listen, restart, kernel] = [f.object('listen'), f.object('gracefulRestart'), f.object('kernel')];
  return {
    asn: f.integer('asn', 1, MAXIMUM_U32),
    routerId: dottedQuad(f, 'routerId'),
    listen: {
      port: listen.integer('port', 0, 65_535),
      addresses: listen.strings('addresses').filter((text, i) => isAddress(listen, `addresses[${i}]`, text)),
    },
    gracefulRestart: {
      restartTimeSeconds: restart.integer('restartTimeSeconds', 0, 4095),
      staleRoutesCapSeconds: restart.integer('staleRoutesCapSeconds', 0, DAY_SECONDS),
      selectionDeferralSeconds: restart.integer('selectionDeferralSeconds', 0, DAY_SECONDS),
    },
    kernel: readKernel(kernel),
    ...(f.has('logLevel') && { logLevel: f.oneOf('logLevel', ['debug', 'info', 'warn', 'error']) }),
    ...(f.has('clusterId') && { clusterId: dottedQuad(f, 'clusterId') }),
    ...(f.has('gracefulShutdown') && { gracefulShutdown: f.boolean('gracefulShutdown') }),
    ...(f.has('guards') && { guards: readGuards(f.object('guards')) }),
    ...(f.has('bmp') && { bmp: { stations: readStations(f.object('bmp'), problems) } }),
  };
}

const readKernel = (f: Fields): GlobalSection['kernel'] => ({
  table: f.integer('table', 1, MAXIMUM_U32),
  metric: f.integer('metric', 1, MAXIMUM_U32),
  install: f.boolean('install'),
  ...(f.has('filter') && { filter: f.name('filter') }),
  maximumPaths: f.integer('maximumPaths', 1, 64),
  ...(f.has('metric6') && { metric6: f.integer('metric6', 1, MAXIMUM_U32) }),
  ...(f.has('metricFromLocalPref') && { metricFromLocalPref: f.boolean('metricFromLocalPref') }),
  ...(f.has('redistribute') && { redistribute: f.name('redistribute') }),
  ...(f.has('ignoredInterfaces') && { ignoredInterfaces: f.strings('ignoredInterfaces') }),
});

const readGuards = (f: Fields): NonNullable<GlobalSection['guards']> => ({
  martians: f.boolean('martians'),
  ownBlocks: f.boolean('ownBlocks'),
  except: f.prefixes('except').map((text) => showPrefix(prefix(text))),
});

function readStations(f: Fields, problems: Problem[]): BmpStation[] {
  const names = new Set<string>();
  return f.list('stations').map((value, i) => {
    const s = new Fields(value, `global.bmp/${nameOf(value) ?? `[${i}]`}`, problems);
    const name = s.name('name');
    if (names.has(name)) s.wrong('name', name, 'a unique name');
    names.add(name);
    return {
      name,
      address: s.address('address'),
      port: s.integer('port', 1, 65_535),
      monitor: s.strings('monitor', MONITORS),
      statisticsSeconds: s.integer('statisticsSeconds', 0, DAY_SECONDS),
    };
  });
}

function dottedQuad(f: Fields, key: string): string {
  const text = f.address(key, 'ipv4');
  if (text === '0.0.0.0') f.wrong(key, text, 'a dotted quad other than 0.0.0.0');
  return text;
}

function isAddress(f: Fields, key: string, text: string): boolean {
  if (parseIp(text) !== undefined) return true;
  f.wrong(key, text, 'an IP address');
  return false;
}
