/**
 * The agent with everything real, except that it kills itself right after its N-th write once SIGUSR2 has armed it.
 *
 * A write is one to the API, one operation on the kernel, or one of a record; settings of a link are not counted, since
 * they go with it. N is TORTIE_TEST_DIE_AFTER. Each write is printed.
 */
import { realPorts, settingsOf } from '../../agent/main.ts';
import { startAgent } from '../../agent/agent.ts';
import type { AgentPorts } from '../../agent/agent-ports.ts';
import type { KernelPort, RecordPort } from '../../agent/ports.ts';
import type { KubeClient } from '../../sys/kube/client.ts';

const dieAfter = Number(process.env['TORTIE_TEST_DIE_AFTER'] ?? 'Infinity');
let writes = 0;
let armed = false;

function written<T>(what: string, result: T): T {
  if (!armed) return result;
  writes++;
  process.stderr.write(`write ${writes}: ${what}\n`);
  if (writes >= dieAfter) process.kill(process.pid, 'SIGKILL');
  return result;
}

const kubeThatDies = (kube: KubeClient): KubeClient => ({
  get: (resource, name, namespace) => kube.get(resource, name, namespace),
  list: (resource, options) => kube.list(resource, options),
  watch: (resource, options, handler) => kube.watch(resource, options, handler),
  raw: (method, path, body) => kube.raw(method, path, body),
  create: async (resource, object) => written(`create ${resource.plural}`, await kube.create(resource, object)),
  update: async (resource, object, subresource) => written(`update ${resource.plural}`, await kube.update(resource, object, subresource)),
  patch: async (resource, name, patch, options) => written(`patch ${resource.plural}`, await kube.patch(resource, name, patch, options)),
  delete: async (resource, name, options) => written(`delete ${resource.plural}`, await kube.delete(resource, name, options)),
});

const kernelThatDies = (kernel: KernelPort): KernelPort => ({
  openNetns: (path) => kernel.openNetns(path),
  netnsInode: (path) => kernel.netnsInode(path),
  podLinks: () => kernel.podLinks(),
  podLink: (name) => kernel.podLink(name),
  hostAddresses: () => kernel.hostAddresses(),
  podRoutes: (link) => kernel.podRoutes(link),
  mtuOf: (address) => kernel.mtuOf(address),
  inspectPod: (netns, link) => kernel.inspectPod(netns, link),
  apply: (operations, netns) => {
    for (const operation of operations) {
      kernel.apply([operation], netns);
      if (!operation.type.endsWith('Sysctl')) written(operation.type, undefined);
    }
  },
  deleteLink: (name) => { kernel.deleteLink(name); written('deleteLink', undefined); },
  removeLink: async (index) => { await kernel.removeLink(index); written('removeLink', undefined); },
  deletePodLink: (netns, name) => { kernel.deletePodLink(netns, name); written('deletePodLink', undefined); },
});

const recordsThatDie = (records: RecordPort): RecordPort => ({
  load: () => records.load(),
  put: (attachment) => { records.put(attachment); written(`record ${attachment.state}`, undefined); },
  remove: (attachment) => { records.remove(attachment); written('record removed', undefined); },
});

const { options, access } = settingsOf(process.argv.slice(2));
const real = realPorts(access, options);
const ports: AgentPorts = { ...real, kube: kubeThatDies(real.kube), kernel: kernelThatDies(real.kernel), records: recordsThatDie(real.records) };
process.on('SIGUSR2', () => { armed = true; process.stderr.write('armed\n'); });
await startAgent(ports, options);
