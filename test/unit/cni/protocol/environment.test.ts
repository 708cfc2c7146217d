import { expect, test } from '@jest/globals';
import { readInvocation } from '../../../../cni/protocol/environment.ts';
import { CniError } from '../../../../cni/protocol/errors.ts';

const ADD = {
  CNI_COMMAND: 'ADD', CNI_CONTAINERID: 'c1', CNI_NETNS: '/run/netns/x', CNI_IFNAME: 'eth0', CNI_PATH: '/opt/cni/bin',
  CNI_ARGS: 'IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=web-0;K8S_POD_INFRA_CONTAINER_ID=c1;K8S_POD_UID=ab-1',
};
const read = (changes: Record<string, string | undefined>): ReturnType<typeof readInvocation> =>
  readInvocation(new Map(Object.entries({ ...ADD, ...changes }).filter((e): e is [string, string] => e[1] !== undefined)));

test('an ADD of a Kubernetes pod', () => {
  expect(read({})).toEqual({
    command: 'ADD', pluginPath: '/opt/cni/bin',
    attachment: {
      containerId: 'c1', interfaceName: 'eth0', netns: '/run/netns/x', pod: { namespace: 'default', name: 'web-0', uid: 'ab-1' },
    },
  });
});

test('without the names of a pod it is a container of something else', () => {
  expect(read({ CNI_ARGS: '' })).toMatchObject({ attachment: { pod: undefined } });
});

test('a DEL needs no network namespace', () => {
  expect(read({ CNI_COMMAND: 'DEL', CNI_NETNS: undefined })).toMatchObject({ command: 'DEL', attachment: { netns: '' } });
});

test('GC and STATUS need no container', () => {
  expect(readInvocation(new Map([['CNI_COMMAND', 'STATUS']]))).toEqual({ command: 'STATUS', pluginPath: '' });
});

test.each([
  [{ CNI_COMMAND: 'EAT' }, 4, 'CNI_COMMAND: "EAT" is not valid: expected one of ADD, DEL, CHECK, GC, STATUS, VERSION'],
  [{ CNI_COMMAND: undefined }, 4, 'CNI_COMMAND: is missing'],
  [{ CNI_CONTAINERID: '../../etc' }, 4, 'CNI_CONTAINERID: "../../etc" is not valid'],
  [{ CNI_CONTAINERID: '' }, 4, 'CNI_CONTAINERID: is missing'],
  [{ CNI_IFNAME: 'a/b' }, 4, 'CNI_IFNAME: "a/b" is not valid'],
  [{ CNI_IFNAME: '..' }, 4, 'CNI_IFNAME: ".." is not valid'],
  [{ CNI_IFNAME: 'sixteenletters16' }, 4, 'CNI_IFNAME: "sixteenletters16" is not valid'],
  [{ CNI_NETNS: '' }, 4, 'CNI_NETNS: is missing'],
  [{ CNI_NETNS: 'run/x' }, 4, 'CNI_NETNS: "run/x" is not valid: expected the absolute path'],
  [{ CNI_COMMAND: 'CHECK', CNI_NETNS: undefined }, 4, 'CNI_NETNS: is missing'],
  [{ CNI_ARGS: 'nonsense' }, 4, 'CNI_ARGS: "nonsense" is not valid: expected NAME=value pairs'],
  [{ CNI_ARGS: 'K8S_POD_NAMESPACE=a' }, 4, 'CNI_ARGS K8S_POD_NAME: is missing'],
  [{ CNI_ARGS: 'K8S_POD_NAMESPACE=a/b;K8S_POD_NAME=x' }, 4, 'CNI_ARGS K8S_POD_NAMESPACE: "a/b" is not valid'],
  [{ CNI_ARGS: 'K8S_POD_NAMESPACE=a;K8S_POD_NAME=../x' }, 4, 'CNI_ARGS K8S_POD_NAME: "../x" is not valid'],
  [{ CNI_ARGS: 'IP=10.0.0.1' }, 2, 'CNI_ARGS: IP=10.0.0.1 asks for a certain address'],
])('%j is error %i: %s', (changes, code, message) => {
  let caught: unknown;
  try { read(changes); } catch (error) { caught = error; }
  expect(caught).toBeInstanceOf(CniError);
  expect((caught as CniError).code).toBe(code);
  expect((caught as CniError).message).toContain(message);
});
