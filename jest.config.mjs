/** Tests run as ES modules, TypeScript stripped by swc; real sockets and namespaces need generous time, never timed assertions. */
export default {
  testEnvironment: 'node',
  roots: ['<rootDir>/test'],
  testMatch: ['**/*.test.ts'],
  extensionsToTreatAsEsm: ['.ts'],
  transform: {
    '^.+\\.ts$': ['@swc/jest', {
      jsc: { parser: { syntax: 'typescript', explicitResourceManagement: true }, target: 'es2024', experimental: { keepImportAttributes: true } },
      module: { type: 'es6' },
    }],
  },
  testTimeout: 20_000,
  maxWorkers: 1,
};
