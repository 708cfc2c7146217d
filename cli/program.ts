/** The commands of `tortiectl`: to Tortie what calicoctl is to Calico. Runs when it is loaded. Exit status: 0 done, 1 failed or refused, 2 wrong command line. */
import { Command, CommanderError } from 'commander';
import { messageOf } from '../lib/errors.ts';
import { VERSION } from '../lib/version.ts';
import { addBgp } from './bgp.ts';
import { CliError } from './errors.ts';
import { addGet } from './get.ts';
import { addIpamShow } from './ipam-show.ts';
import { addNodeDrain } from './node-drain.ts';
import { addNodeStatus } from './node-status.ts';
import { addVersion } from './version.ts';
import { addWrites } from './write.ts';

const program = new Command('tortiectl').description('manage the network resources of a cluster')
  .option('--kubeconfig <file>', 'cluster to talk to (default: $KUBECONFIG, else ~/.kube/config)')
  .version(VERSION)
  .showHelpAfterError('(tortiectl --help lists the commands)')
  .exitOverride();
addGet(program);
addWrites(program);
const node = program.command('node').description('about nodes');
addNodeStatus(node);
addNodeDrain(node);
addBgp(program.command('bgp').description('sessions and routes of the nodes\' BGP speakers'));
addIpamShow(program.command('ipam').description('about IP address management'));
addVersion(program);

/** `| head` has read enough: end as a program without a handler of SIGPIPE does. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(128 + 13);
});

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2;
  else {
    process.stderr.write(`${messageOf(error)}\n`);
    process.exitCode = error instanceof CliError ? error.exitStatus : 1;
  }
}
