// Without type information on purpose: the whole tree is checked in seconds, and the compiler is strict already.
import tseslint from 'typescript-eslint';

export default tseslint.config(
  { ignores: ['dist/', 'build/', 'node_modules/', 'protocol/*/generated/', 'test-failures/', '.tap/'] },
  tseslint.configs.strict,
  tseslint.configs.stylistic,
  {
    rules: {
      eqeqeq: 'error',
      'no-console': 'off',
      'no-var': 'error',
      'object-shorthand': 'error',
      'prefer-const': 'error',
      'prefer-template': 'error',
      'no-restricted-globals': ['error', { name: 'BigInt', message: '64-bit values are two halves in a number (docs/decisions.md)' }],
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/explicit-module-boundary-types': 'error',
      '@typescript-eslint/no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
      // Bounds were checked a line above, and `!` says so in less noise than a second check would.
      '@typescript-eslint/no-non-null-assertion': 'off',
      // Both spellings of an object's shape, and of a function's type, have their place.
      '@typescript-eslint/consistent-type-definitions': 'off',
      '@typescript-eslint/consistent-indexed-object-style': 'off',
      '@typescript-eslint/prefer-for-of': 'off',
      '@typescript-eslint/no-empty-function': 'off',
    },
  },
  {
    files: ['**/*.mjs', '**/*.js'],
    rules: { '@typescript-eslint/explicit-module-boundary-types': 'off' },
  },
  {
    files: ['test/**', 'bench/**'],
    rules: { 'no-restricted-globals': 'off' },
  },
);
