/** `tortie apiserver`: the embedded API server as a process. */
import { parseArgs } from 'node:util';
import { makeLog } from '../sys/log.ts';
import { startApiServer } from './server.ts';

const USAGE = 'usage: tortie apiserver --data DIR [--listen ADDRESS:PORT | --listen unix:PATH]... [--san NAME]... [--kubeconfig FILE] [--server-url URL]\n';

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      data: { type: 'string' }, listen: { type: 'string', multiple: true }, san: { type: 'string', multiple: true },
      kubeconfig: { type: 'string' }, 'server-url': { type: 'string' }, help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help === true) { process.stdout.write(USAGE); return; }
  if (values.data === undefined) throw new Error(`--data: expected a directory\n${USAGE}`);
  const server = await startApiServer({
    data: values.data, listen: values.listen ?? ['127.0.0.1:6443'], names: values.san ?? [], log: makeLog('apiserver'),
    ...(values['server-url'] === undefined ? {} : { serverUrl: values['server-url'] }),
    ...(values.kubeconfig === undefined ? {} : { kubeconfigFile: values.kubeconfig }),
  });
  const stop = (): void => { void server[Symbol.asyncDispose]().then(() => { process.exit(0); }); };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
}
