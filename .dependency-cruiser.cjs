/** The arrows of ARCHITECTURE.md, checked by machine. */
const NO_CORE = '^src-main/(core|electron|server|cli|local|scripts)/';
module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'no-unresolved', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'agent-knows-nobody',
      comment: 'The agent knows nothing of the console.',
      severity: 'error',
      from: { path: '^agent/' },
      to: { path: '^(src-main|src-renderer|test)/' },
    },
    {
      name: 'protocol-is-pure',
      comment: 'agent/protocol is types and validators, nothing else.',
      severity: 'error',
      from: { path: '^agent/protocol/' },
      to: { pathNot: '^agent/protocol/|^node_modules/valibot' },
    },
    {
      name: 'contract-is-pure',
      comment: 'The contract runs in the page: no Node, only agent/protocol below it.',
      severity: 'error',
      from: { path: '^src-main/contract/' },
      to: { pathNot: '^src-main/contract/|^agent/protocol/|^node_modules/valibot' },
    },
    {
      name: 'renderer-sees-the-contract-only',
      severity: 'error',
      from: { path: '^src-renderer/' },
      to: { path: ['^agent/(?!protocol/)', NO_CORE, '^test/'] },
    },
    {
      name: 'shells-enter-by-the-door',
      comment: 'A shell uses core/index.ts and the contract, never a service.',
      severity: 'error',
      from: { path: '^src-main/(electron|server|cli|local)/' },
      to: { path: '^src-main/core/(?!index\\.ts$)' },
    },
    {
      name: 'core-knows-no-shell',
      severity: 'error',
      from: { path: '^src-main/core/' },
      to: { path: '^src-main/(electron|server|cli|local)/|^src-renderer/' },
    },
    {
      name: 'only-practice-imports-the-agent',
      comment:
        'Core speaks to agents by protocol; only the practice fleet runs them in-process. Its own vote is the lease room.',
      severity: 'error',
      from: { path: '^src-main/core/(?!practice/)' },
      to: { path: '^agent/(?!protocol/|lease/|rpc/|journal/durable-file)' },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '\\.spec\\.ts$|^dist/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: {
      extensions: ['.ts', '.js', '.mjs', '.cjs', '.svelte', '.json'],
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types', 'svelte'],
    },
  },
};
