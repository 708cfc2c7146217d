/** Each native call, once: a wrong prototype would corrupt memory instead of failing. */
import { openSync, closeSync, readlinkSync } from 'node:fs';
import { expect, test as anyone } from '@jest/globals';
import {
  AF_INET, AF_NETLINK, CLONE_NEWNET, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_RAW, SOCK_STREAM, SOL_SOCKET, SO_RCVBUFFORCE,
  accept, attachFilter, bind, close, connect, errnoName, getsockname, getsockopt, getsockoptBytes, interfaceIndexOf, interfaceNameOf, listen,
  memoryAddressOf, pollReadable, pollWritable, recv, recvfrom, recvmsg, send, sendto, setns, setScheduler, setsockopt, socket,
} from '../../sys/native.ts';
import { ip } from '../../lib/ip/text.ts';
import { decodeAddress, encodeAddress } from '../../sys/socket-address.ts';
import { namespaces, root } from '../support/capabilities.ts';
import { Namespaces } from '../support/namespaces.ts';
import { skipUnless } from '../support/skip.ts';

const test = skipUnless(root, namespaces);
const SO_RCVBUF = 8;
const SO_TYPE = 3;
const SOCK_DGRAM = 2;

function netlinkAddress(port = 0): Buffer {
  const address = Buffer.alloc(12);
  address.writeUInt16LE(AF_NETLINK, 0);
  address.writeUInt32LE(port, 4);
  return address;
}

/** RTM_GETLINK of interface 1 (`lo`). */
function getLoopback(sequence: number): Buffer {
  const message = Buffer.alloc(32);
  message.writeUInt32LE(32, 0);
  message.writeUInt16LE(18, 4);
  message.writeUInt16LE(1, 6);
  message.writeUInt32LE(sequence, 8);
  message.writeUInt32LE(1, 20);
  return message;
}

anyone('a request goes out and its answer comes back', () => {
  const fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0);
  expect(fd).toBeGreaterThan(2);
  expect(bind(fd, netlinkAddress())).toBe(0);
  const own = Buffer.alloc(64, 0xff);
  expect(getsockname(fd, own)).toBe(12);
  expect(own.readUInt16LE(0)).toBe(AF_NETLINK);
  expect(own.readUInt32LE(4)).toBeGreaterThan(0);
  expect(own.readUInt8(12)).toBe(0xff);
  expect(send(fd, Buffer.concat([getLoopback(77), Buffer.alloc(100)]), 32)).toBe(32);
  const answer = Buffer.alloc(8_192);
  const length = recv(fd, answer);
  expect(length).toBe(answer.readUInt32LE(0));
  expect([answer.readUInt16LE(4), answer.readUInt32LE(8)]).toEqual([16, 77]);
  expect(close(fd)).toBe(0);
});

anyone('failures come back as minus errno', () => {
  expect(errnoName(-socket(AF_NETLINK, SOCK_RAW, 999))).toBe('EPROTONOSUPPORT');
  expect(errnoName(-close(999_999))).toBe('EBADF');
  expect(errnoName(-bind(999_999, netlinkAddress()))).toBe('EBADF');
  expect(errnoName(-send(999_999, Buffer.alloc(1)))).toBe('EBADF');
  expect(errnoName(-getsockname(999_999, Buffer.alloc(16)))).toBe('EBADF');
  expect(errnoName(-setsockopt(999_999, SOL_SOCKET, SO_RCVBUF, 1))).toBe('EBADF');
  expect(errnoName(-getsockopt(999_999, SOL_SOCKET, SO_RCVBUF))).toBe('EBADF');
  expect(errnoName(-setns(999_999, CLONE_NEWNET))).toBe('EBADF');
  expect(errnoName(524)).toBe('errno 524');
  const fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK, 0);
  expect(errnoName(-recv(fd, Buffer.alloc(16)))).toBe('EAGAIN');
  close(fd);
  expect(() => send(1, Buffer.alloc(4), 5)).toThrow(RangeError);
});

anyone('options are set as numbers or bytes and read back', () => {
  const fd = socket(AF_INET, 1, 0);
  expect(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, 65_536)).toBe(0);
  expect(getsockopt(fd, SOL_SOCKET, SO_RCVBUF)).toBe(131_072);
  expect(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, Uint8Array.of(0, 0, 2, 0))).toBe(0);
  expect(getsockopt(fd, SOL_SOCKET, SO_RCVBUF)).toBe(262_144);
  expect(getsockopt(fd, SOL_SOCKET, SO_TYPE)).toBe(1);
  close(fd);
});

test('privileged options', () => {
  const fd = socket(AF_NETLINK, SOCK_RAW, 0);
  expect(setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)).toBe(0);
  expect(getsockopt(fd, SOL_SOCKET, SO_RCVBUF)).toBe(16 << 20);
  close(fd);
});

anyone('a filter that rejects everything leaves nothing to read', () => {
  const fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK, 0);
  bind(fd, netlinkAddress());
  const reject = Buffer.alloc(8);
  reject.writeUInt16LE(0x06, 0);
  expect(attachFilter(fd, reject)).toBe(0);
  send(fd, getLoopback(1));
  expect(errnoName(-recv(fd, Buffer.alloc(8_192)))).toBe('EAGAIN');
  expect(errnoName(-attachFilter(fd, Buffer.alloc(0)))).toBe('EINVAL');
  close(fd);
});

anyone('polling calls back when something can be read', async () => {
  const fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK, 0);
  bind(fd, netlinkAddress());
  const readable = new Promise<boolean>((resolve) => {
    const poll = pollReadable(fd, (failed) => { poll[Symbol.dispose](); resolve(failed); });
  });
  send(fd, getLoopback(1));
  expect(await readable).toBe(false);
  expect(recv(fd, Buffer.alloc(8_192))).toBeGreaterThan(32);
  close(fd);
});

anyone('a connection is made, accepted and answered', async () => {
  const at = encodeAddress({ address: ip('127.0.0.1'), port: 0, scope: 0 });
  const [listener, dialer] = [socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0)];
  expect(bind(listener, at)).toBe(0);
  expect(listen(listener, 1)).toBe(0);
  expect(getsockname(listener, at)).toBe(16);
  expect(errnoName(-accept(listener, Buffer.alloc(28)))).toBe('EAGAIN');
  expect(['EINPROGRESS', 'errno 0']).toContain(errnoName(-connect(dialer, at)));
  await new Promise<void>((resolve) => { const poll = pollWritable(dialer, () => { poll[Symbol.dispose](); resolve(); }); });
  const [from, own] = [Buffer.alloc(28), Buffer.alloc(28)];
  const accepted = accept(listener, from);
  getsockname(dialer, own);
  expect(decodeAddress(from)).toEqual({ address: ip('127.0.0.1'), port: decodeAddress(own)!.port, scope: 0 });
  expect(getsockoptBytes(dialer, SOL_SOCKET, SO_TYPE, own)).toBe(4);
  expect(own.readUInt32LE(0)).toBe(SOCK_STREAM);
  for (const fd of [listener, dialer, accepted]) close(fd);
});

anyone('a datagram carries its sender', () => {
  const at = encodeAddress({ address: ip('127.0.0.1'), port: 0, scope: 0 });
  const fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  bind(fd, at);
  getsockname(fd, at);
  expect(sendto(fd, Buffer.from('hello'), at)).toBe(5);
  const [into, from] = [Buffer.alloc(16), Buffer.alloc(28)];
  expect(recvfrom(fd, into, from)).toBe(5);
  expect([into.toString('utf8', 0, 5), decodeAddress(from)]).toEqual(['hello', decodeAddress(at)]);
  close(fd);
});

anyone('interfaces have names and indexes', () => {
  expect([interfaceIndexOf('lo'), interfaceNameOf(1)]).toEqual([1, 'lo']);
  expect([interfaceIndexOf('no such link'), interfaceNameOf(999_999)]).toEqual([0, undefined]);
});

test('setns changes the namespace of this thread alone', async () => {
  await using net = await Namespaces.create('setns');
  const a = net.add('a');
  const home = openSync('/proc/thread-self/ns/net', 'r');
  const here = readlinkSync('/proc/thread-self/ns/net');
  const other = openSync(a.path, 'r');
  expect(setns(other, CLONE_NEWNET)).toBe(0);
  const there = readlinkSync('/proc/thread-self/ns/net');
  expect(setns(home, CLONE_NEWNET)).toBe(0);
  expect(there).not.toBe(here);
  expect(readlinkSync('/proc/thread-self/ns/net')).toBe(here);
  closeSync(home);
  closeSync(other);
});

anyone('a scattered message is received where its header points to', () => {
  const [server, client] = [socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)];
  expect(bind(server, encodeAddress({ address: ip('127.0.0.1'), port: 0, scope: 0 }))).toBe(0);
  const to = Buffer.alloc(16);
  getsockname(server, to);
  expect(sendto(client, Buffer.from('hello'), to)).toBe(5);
  const memory = Buffer.from(new ArrayBuffer(256));
  const base = BigInt(memoryAddressOf(memory));
  expect(BigInt(memoryAddressOf(memory.subarray(64)))).toBe(base + 64n);
  memory.writeBigUInt64LE(base + 64n, 16);   // one iovec
  memory.writeBigUInt64LE(1n, 24);
  memory.writeBigUInt64LE(base + 128n, 64);  // of four bytes
  memory.writeBigUInt64LE(4n, 72);
  expect(recvmsg(server, memory)).toBe(4);
  expect(memory.toString('latin1', 128, 133)).toBe('hell\0');
  expect(memory.readInt32LE(48) & 0x20).toBe(0x20); // MSG_TRUNC
  close(server);
  close(client);
});

anyone('the scheduler refuses a policy that it does not know', () => { expect(errnoName(-setScheduler(0, 99, 0))).toBe('EINVAL'); });
