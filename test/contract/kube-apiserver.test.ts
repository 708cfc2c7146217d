import { afterAll, beforeAll, describe } from '@jest/globals';
import { skipUnless } from '../support/skip.ts';
import { kubeApiServer, startKubeApiServer, type TestServer } from './server.ts';
import { contract } from './suites.ts';

/** The judge of the contract: where the two differ, ours is wrong. */
const real = kubeApiServer.missing() === undefined;

describe('a real kube-apiserver', () => {
  let server: TestServer;
  if (real) {
    beforeAll(async () => { server = await startKubeApiServer(); }, 90_000);
    afterAll(async () => { await server[Symbol.asyncDispose](); });
    contract(() => server);
  } else {
    skipUnless(kubeApiServer)('keeps the same contract', () => { /* skipped with its reason */ });
  }
});
