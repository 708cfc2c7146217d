/** An HTTPS server that plays API server from a script: answers, open watches, resets; it counts connections. */
import { createServer, type Server } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { KubeAccess } from '../../sys/kube/kubeconfig.ts';

/** For localhost and 127.0.0.1, valid for a century; secures nothing. */
export const TEST_CERTIFICATE = `-----BEGIN CERTIFICATE-----
MIIBnjCCAUWgAwIBAgIUTJx8wk2+eoROdZKm6jBzEmrAdL4wCgYIKoZIzj0EAwIw
FjEUMBIGA1UEAwwLdG9ydGllIHRlc3QwIBcNMjYxMTI1MjE0NTM1WhgPMjEyNjEx
MDEyMTQ1MzVaMBYxFDASBgNVBAMMC3RvcnRpZSB0ZXN0MFkwEwYHKoZIzj0CAQYI
KoZIzj0DAQcDQgAEcJwm7pzzeBRcXGA/5jpk4tymah/0uIrvzn27VpgjZxWiosxj
pka7WWz/3H8s4oF0EbhUd0ilD9UN3oq0AKGBSaNvMG0wHQYDVR0OBBYEFIzSlOPW
ktiIEQCu+iiI/2mItMnrMB8GA1UdIwQYMBaAFIzSlOPWktiIEQCu+iiI/2mItMnr
MA8GA1UdEwEB/wQFMAMBAf8wGgYDVR0RBBMwEYIJbG9jYWxob3N0hwR/AAABMAoG
CCqGSM49BAMCA0cAMEQCIA2veUGo0thzEunBevh3cvLMO8//7m9hQSWHmbQ7W6ay
AiBk9nWcPYJWTlZ5LqK08TT2rg+OVQYEAFcvwDKpCTjhyg==
-----END CERTIFICATE-----
`;
const TEST_KEY = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQg6m437hf4j6k3T616
VBxDp1WowCr330jc9jttO0AXLoKhRANCAARwnCbunPN4FFxcYD/mOmTi3KZqH/S4
iu/OfbtWmCNnFaKizGOmRrtZbP/cfyzigXQRuFR3SKUP1Q3eirQAoYFJ
-----END PRIVATE KEY-----
`;

export interface Asked { readonly method: string; readonly path: string; readonly query: URLSearchParams; readonly body: string; readonly headers: IncomingMessage['headers'] }
export type Reply =
  | { readonly status: number; readonly body?: unknown; readonly headers?: Record<string, string> }
  /** Header now, lines later. */
  | 'watch'
  /** Nothing, ever. */
  | 'silence'
  /** TCP reset. */
  | 'reset';

export interface OpenWatch {
  readonly query: URLSearchParams;
  send(type: string, object: object): void;
  raw(text: string): void;
  end(): void;
  reset(): void;
  readonly closed: boolean;
}

export class FakeKubeServer implements AsyncDisposable {
  readonly asked: Asked[] = [];
  readonly watches: OpenWatch[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<TLSSocket>();
  readonly #reply: (asked: Asked, server: FakeKubeServer) => Reply;

  private constructor(reply: (asked: Asked, server: FakeKubeServer) => Reply) {
    this.#reply = reply;
    this.#server = createServer({ key: TEST_KEY, cert: TEST_CERTIFICATE }, (request, response) => { void this.#answer(request, response); });
    this.#server.on('secureConnection', (socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => { socket.destroy(); });
      socket.on('close', () => { this.#sockets.delete(socket); });
    });
  }

  static async start(reply: (asked: Asked, server: FakeKubeServer) => Reply): Promise<FakeKubeServer> {
    const fake = new FakeKubeServer(reply);
    await new Promise<void>((resolve) => { fake.#server.listen(0, '127.0.0.1', resolve); });
    return fake;
  }

  get port(): number { return (this.#server.address() as AddressInfo).port; }
  get access(): KubeAccess {
    return { server: `https://127.0.0.1:${this.port}`, ca: TEST_CERTIFICATE, insecure: false, token: () => 'secret', namespace: 'default' };
  }
  get connections(): number { return this.#sockets.size; }
  /** Requests as `GET /path`. */
  get lines(): string[] { return this.asked.map((a) => `${a.method} ${a.path}`); }

  closeIdle(): void { this.#server.closeIdleConnections(); }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => { this.#server.close(() => { resolve(); }); });
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const url = new URL(request.url!, 'https://x');
    const asked = { method: request.method!, path: url.pathname, query: url.searchParams, body: Buffer.concat(chunks).toString(), headers: request.headers };
    this.asked.push(asked);
    const reply = this.#reply(asked, this);
    if (reply === 'silence') return;
    if (reply === 'reset') { (response.socket as TLSSocket).destroy(); return; }
    if (reply === 'watch') { this.#open(asked, response); return; }
    const body = typeof reply.body === 'string' ? reply.body : JSON.stringify(reply.body ?? {});
    response.writeHead(reply.status, { 'content-type': 'application/json', ...reply.headers }).end(body);
  }

  #open(asked: Asked, response: ServerResponse): void {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    const raw = (text: string): void => { response.write(text); };
    this.watches.push({
      query: asked.query, raw,
      send: (type, object) => { raw(`${JSON.stringify({ type, object })}\n`); },
      end: () => { response.end(); },
      reset: () => { (response.socket as TLSSocket | null)?.destroy(); },
      get closed() { return response.closed || response.destroyed; },
    });
  }
}
