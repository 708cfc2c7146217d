import tseslint from 'typescript-eslint';

export default tseslint.config(
  { ignores: ['node_modules/', 'dist/', 'build/', 'bench/results/', '**/*.mjs', '**/*.js'] },
  ...tseslint.configs.recommendedTypeChecked,
  {
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      '@typescript-eslint/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_', varsIgnorePattern: '^_' }],
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      'no-new': 'error',
      eqeqeq: 'error',
      'no-restricted-syntax': ['error', {
        selector: 'ExportNamedDeclaration > VariableDeclaration[kind="let"]',
        message: 'no mutable module state: ports are parameters',
      }],
    },
  },
  {
    // The contract looks into JSON answers, which are of any shape by nature.
    files: ['test/contract/**'],
    rules: Object.fromEntries(['assignment', 'member-access', 'argument', 'call', 'return'].map((what) => [`@typescript-eslint/no-unsafe-${what}`, 'off'])),
  },
);
