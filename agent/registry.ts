/** The attachments of this node: in memory as they are on disk, and whose turn it is with each pod. */
import { keyOfAttachment, type Attachment } from './endpoints/attachment.ts';
import type { RecordPort } from './ports.ts';

export class Registry {
  readonly #records: RecordPort;
  readonly #attachments = new Map<string, Attachment>();
  readonly #turns = new Map<string, Promise<unknown>>();

  /** Reads what is on disk. */
  constructor(records: RecordPort) {
    this.#records = records;
    for (const attachment of records.load()) this.#attachments.set(keyOfAttachment(attachment), attachment);
  }

  get all(): readonly Attachment[] { return [...this.#attachments.values()]; }

  find(key: string): Attachment | undefined { return this.#attachments.get(key); }

  /** On disk before it is known here. */
  put(attachment: Attachment): void {
    this.#records.put(attachment);
    this.#attachments.set(keyOfAttachment(attachment), attachment);
  }

  /** Known here only: the disk keeps what it had. */
  noteUnwritten(attachment: Attachment): void { this.#attachments.set(keyOfAttachment(attachment), attachment); }

  remove(attachment: Attachment): void {
    this.#records.remove(attachment);
    this.#attachments.delete(keyOfAttachment(attachment));
  }

  /** Runs `body` when all earlier turns of the same pod (by its interface on the node) have ended. */
  async turn<T>(hostInterface: string, body: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(hostInterface) ?? Promise.resolve();
    const own = before.then(body, body);
    const settled = own.then(() => undefined, () => undefined);
    this.#turns.set(hostInterface, settled);
    try {
      return await own;
    } finally {
      if (this.#turns.get(hostInterface) === settled) this.#turns.delete(hostInterface);
    }
  }
}
