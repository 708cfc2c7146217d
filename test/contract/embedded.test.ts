import { afterAll, beforeAll, describe } from '@jest/globals';
import { startEmbedded, type TestServer } from './server.ts';
import { contract } from './suites.ts';

describe('the embedded API server', () => {
  let server: TestServer;
  beforeAll(async () => { server = await startEmbedded(); });
  afterAll(async () => { await server[Symbol.asyncDispose](); });
  contract(() => server);
});
