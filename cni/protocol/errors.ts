/** CNI errors: a number the runtime acts on, and a text a person can act on (CNI spec 1.1, "Error"). */

/** Well-known codes; from 100 on they are the plugin's own. */
export const CNI_CODE = {
  incompatibleVersion: 1,
  unsupportedField: 2,
  unknownContainer: 3,
  badEnvironment: 4,
  io: 5,
  undecodable: 6,
  badConfiguration: 7,
  tryAgainLater: 11,
  notAvailable: 50,
  /** Ours: no address is free; the details say why of each pool. */
  noAddress: 100,
  /** Ours: the kernel or the API refused a step. */
  failed: 101,
  /** Ours: CHECK found something different from what ADD made. */
  differs: 102,
} as const;

/** What the runtime shall be told instead of a result. */
export class CniError extends Error {
  readonly code: number;
  readonly details: string;
  constructor(code: number, message: string, details = '', cause?: unknown) {
    super(message, { cause });
    this.name = 'CniError';
    this.code = code;
    this.details = details;
  }
}

/** The JSON text for standard output. */
export function renderError(error: CniError, cniVersion: string): string {
  return `${JSON.stringify({ cniVersion, code: error.code, msg: error.message, details: error.details })}\n`;
}
