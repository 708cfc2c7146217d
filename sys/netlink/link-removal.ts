/**
 * Deletes links beside everything else: on a thread of the pool, since the kernel waits 20 ms for its readers, and all
 * that are asked for meanwhile in one go by a link group, since it waits once for all of them.
 */
import { OperationError } from '../../lib/errors.ts';
import { close, recv, sendInPool } from '../native.ts';
import { NetlinkWriter } from './codec.ts';
import { RTM_DELLINK, RTM_NEWLINK } from './links.ts';
import { NLM_F_REQUEST, eachMessage, openNetlink } from './socket.ts';

const NLM_F_ACK = 4;
const NLMSG_ERROR = 2;
const IFLA_GROUP = 27;
/** Groups of ours ("T" in the high byte), one after the other: nobody else's link is in one. */
const FIRST_GROUP = 0x54000000;
const GROUPS = 0x10000;
const ENODEV = 19;
/** A message of a header, `struct ifinfomsg` and one number. */
const MESSAGE_BYTES = 64;

interface Waiting { readonly index: number; readonly resolve: () => void; readonly reject: (error: Error) => void }

export class LinkRemoval implements Disposable {
  readonly #fd: number;
  readonly #answer = Buffer.alloc(32 * 1024);
  #waiting: Waiting[] = [];
  #isBusy = false;
  #sequence = 0;
  #group = 0;

  private constructor(fd: number) { this.#fd = fd; }

  /** In the network namespace of the calling thread. Throws OperationError NETLINK_OPEN. */
  static open(): LinkRemoval { return new LinkRemoval(openNetlink(0, 0, 1 << 20, 0)); }

  /** Resolves when the link is gone; an absent one is success. Rejects with OperationError LINK_DELETE. */
  remove(index: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.push({ index, resolve, reject });
    if (!this.#isBusy) void this.#drain();
    return promise;
  }

  /** Only when nothing is being removed. */
  [Symbol.dispose](): void { close(this.#fd); }

  async #drain(): Promise<void> {
    this.#isBusy = true;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      try {
        await this.#removeAll(batch.map((w) => w.index));
        for (const w of batch) w.resolve();
      } catch (error) {
        for (const w of batch) w.reject(error as Error);
      }
    }
    this.#isBusy = false;
  }

  async #removeAll(indexes: readonly number[]): Promise<void> {
    const [only] = indexes;
    if (indexes.length === 1 && only !== undefined) { await this.#request([(w) => { writeLink(w, RTM_DELLINK, only); }]); return; }
    const group = FIRST_GROUP + this.#group++ % GROUPS;
    await this.#request([
      ...indexes.map((index) => (w: NetlinkWriter) => { writeLink(w, RTM_NEWLINK, index); w.attributeU32(IFLA_GROUP, group); }),
      (w) => { writeLink(w, RTM_DELLINK, 0); w.attributeU32(IFLA_GROUP, group); },
    ]);
  }

  /** Sends all in one message and reads an answer to each. */
  async #request(messages: readonly ((w: NetlinkWriter) => void)[]): Promise<void> {
    const writer = new NetlinkWriter(messages.length * MESSAGE_BYTES);
    for (const message of messages) {
      message(writer);
      writer.end(++this.#sequence, NLM_F_REQUEST | NLM_F_ACK);
    }
    if (await sendInPool(this.#fd, writer.bytes, writer.length) !== writer.length) throw new OperationError('LINK_DELETE', { links: messages.length, call: 'send' });
    let left = messages.length;
    let refused = 0;
    while (left > 0) {
      const length = recv(this.#fd, this.#answer);
      if (length < 0) throw new OperationError('LINK_DELETE', { links: messages.length, call: 'recv' });
      eachMessage(this.#answer, length, (type, _flags, _sequence, reader) => {
        if (type !== NLMSG_ERROR) return;
        left--;
        const error = reader.i32();
        if (error !== 0 && error !== -ENODEV) refused = error;
      });
    }
    if (refused !== 0) throw new OperationError('LINK_DELETE', { links: messages.length, errno: -refused });
  }
}

/** `struct ifinfomsg` of a link, nothing changed. */
function writeLink(w: NetlinkWriter, type: number, index: number): void {
  w.begin(type, 0);
  w.u32(0); w.u32(index); w.u32(0); w.u32(0);
}
