/** The pod proxy: a request to a pod through the API server. */
import { expect, test } from '@jest/globals';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import { STRATEGIC } from './api.ts';
import { created, newNamespace, pod, type Suite } from './builders.ts';

/** An address of this machine that is not the loopback: neither server proxies there. */
const address = Object.values(networkInterfaces()).flat().find((i) => i !== undefined && !i.internal && i.family === 'IPv4')?.address;

async function responder(): Promise<Server> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => { chunks.push(chunk); });
    request.on('end', () => {
      response.statusCode = request.url === '/teapot' ? 418 : 200;
      response.setHeader('content-type', 'text/plain');
      response.setHeader('x-authorization', String(request.headers.authorization));
      response.end(`${request.method} ${request.url} ${Buffer.concat(chunks).toString()}`);
    });
  });
  await new Promise<void>((resolve) => { server.listen(0, address, resolve); });
  return server;
}

export const proxying: Suite = (server) => {
  const proxied = address === undefined ? test.skip : test;

  proxied('passes method, path, query and body to the pod, and its answer back, but not the token', async () => {
    const { api } = server();
    const target = await responder();
    try {
      const { port } = target.address() as AddressInfo;
      const path = `/api/v1/namespaces/${await newNamespace(api)}/pods`;
      await created(api, path, pod('p', { nodeName: 'n', hostNetwork: true, containers: [{ name: 'c', image: 'i', ports: [{ name: 'status', containerPort: port }] }] }));
      await api.patch(`${path}/p/status`, STRATEGIC, { status: { phase: 'Running', podIP: address, podIPs: [{ ip: address }], hostIP: address } });
      const got = await api.get(`${path}/p:${port}/proxy/v1/bgp/status?family=ipv4&x=%2F`);
      expect([got.status, got.text, got.headers['x-authorization']]).toEqual([200, 'GET /v1/bgp/status?family=ipv4&x=%2F ', 'undefined']);
      expect((await api.get(`${path}/http:p:${port}/proxy/`)).text).toBe('GET / ');
      expect((await api.get(`${path}/p/proxy/a/b`)).text).toBe('GET /a/b ');
      expect((await api.post(`${path}/p:${port}/proxy/post`, { a: 1 })).text).toBe('POST /post {"a":1}');
      expect((await api.get(`${path}/p:${port}/proxy/teapot`)).status).toBe(418);
    } finally {
      target.close();
      target.closeAllConnections();
    }
  });

  proxied('says so when there is no such pod, no address, or nothing listens', async () => {
    const { api } = server();
    const path = `/api/v1/namespaces/${await newNamespace(api)}/pods`;
    expect((await api.get(`${path}/none:80/proxy/`)).status).toBe(404);
    await created(api, path, pod('p', { nodeName: 'n' }));
    expect((await api.get(`${path}/p:80/proxy/`)).status).toBeGreaterThanOrEqual(400);
    const target = await responder();
    const { port } = target.address() as AddressInfo;
    await new Promise((resolve) => { target.close(resolve); });
    await api.patch(`${path}/p/status`, STRATEGIC, { status: { phase: 'Running', podIP: address, podIPs: [{ ip: address }] } });
    const refused = await api.get(`${path}/p:${port}/proxy/`);
    expect([refused.status, refused.body.reason]).toEqual([503, 'ServiceUnavailable']);
  });
};
