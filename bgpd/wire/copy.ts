/** Copies of received bytes: `slice` will not do, since sockets deliver Buffers, whose `slice` is a view. */
export const copyOf = (bytes: Uint8Array, start = 0, end = bytes.length): Uint8Array => new Uint8Array(bytes.subarray(start, end));
