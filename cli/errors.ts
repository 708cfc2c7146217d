/** How `tortiectl` ends when something is wrong: a message on standard error and an exit status. */

/** Exit status: 1 something failed or was refused, 2 the command line itself is wrong. */
export class CliError extends Error {
  readonly exitStatus: number;
  constructor(message: string, exitStatus = 1) {
    super(message);
    this.name = 'CliError';
    this.exitStatus = exitStatus;
  }
}

/** The command line is wrong. */
export class UsageError extends CliError {
  constructor(message: string) { super(message, 2); }
}
