/** Sends UDP datagrams at a steady rate to addresses behind N blocks until its input ends; prints how many it sent. */
import { createSocket } from 'node:dgram';
import { blocks } from './updates.ts';

const [n, perSecond] = process.argv.slice(2).map(Number) as [number, number];
const { nlri } = blocks(n);
const socket = createSocket('udp4');
const start = performance.now();
let sent = 0;

const timer = setInterval(() => {
  const due = Math.floor((performance.now() - start) * perSecond / 1000);
  while (sent < due) {
    const i = (sent * 7919) % n;
    const address = [...nlri.subarray(i * 5 + 1, i * 5 + 4), nlri[i * 5 + 4]! + 5].join('.');
    sent++;
    socket.send('x', 9_999, address, () => { /* a refused datagram counts as lost */ });
  }
}, 1);
process.stdin.on('end', () => {
  clearInterval(timer);
  process.stdout.write(String(sent), () => { process.exit(0); });
}).resume();
