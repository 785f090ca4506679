// The layers of docs/architecture.md as rules. Imports point down only; between folders of one layer
// only `import type` of a port is allowed.
export const layers = [
  ['cli', 'server'],
  ['chat', 'outbox', 'jobs'],
  ['engine', 'models', 'store'],
  ['config', 'formats', 'net', 'prompts'],
  ['lib'],
  ['contracts'],
];

/** @param {string[]} names */
const folder = (names) => `^app/src/(${names.join('|')})/`;

/** Nothing may import a layer above its own. */
const upward = layers.slice(1).map((layer, index) => ({
  name: `no-upward-from-${layer.join('-')}`,
  severity: 'error',
  from: { path: folder(layer) },
  to: { path: folder(layers.slice(0, index + 1).flat()) },
}));

/** Folders of one layer meet only through the types of their ports. */
const sideways = layers
  .filter((layer) => layer.length > 1)
  .flatMap((layer) =>
    layer.map((name) => ({
      name: `no-sideways-from-${name}`,
      severity: 'error',
      from: { path: folder([name]), pathNot: '\\.test\\.ts$' },
      to: { path: folder(layer.filter((other) => other !== name)), dependencyTypesNot: ['type-only'] },
    })),
  );

/** Only the composition root and the entry points of children and workers name adapters. */
const adapters = {
  name: 'adapters-only-in-compose',
  severity: 'error',
  from: {
    path: '^app/src/',
    pathNot: [
      '^app/src/(compose|main|start)\\.ts$',
      '^app/src/compose/',
      '\\.(child|worker)\\.ts$',
      '\\.(test|contract)\\.ts$',
      '^app/src/engine/(llama|remote|scripted)/',
      '^app/src/store/(sqlite|postgres)/',
    ],
  },
  to: { path: ['^app/src/engine/(llama|remote|scripted)/', '^app/src/store/(sqlite|postgres)/'] },
};

const betweenAdapters = ['llama', 'remote', 'scripted'].map((name) => ({
  name: `engine-${name}-stands-alone`,
  severity: 'error',
  from: { path: `^app/src/engine/${name}/`, pathNot: '\\.test\\.ts$' },
  to: { path: `^app/src/engine/(?!${name}/)[^/]+/` },
}));

export default {
  forbidden: [
    {
      name: 'no-circular',
      severity: 'error',
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ['type-only'] } },
    },
    { name: 'no-unresolvable', severity: 'error', from: {}, to: { couldNotResolve: true, pathNot: ['\\?'] } },
    ...upward,
    ...sideways,
    adapters,
    ...betweenAdapters,
    {
      name: 'nothing-imports-the-root',
      severity: 'error',
      from: { path: '^app/src/[^/]+/' },
      to: { path: '^app/src/(main|start|compose)\\.ts$', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'web-sees-contracts-as-types-only',
      severity: 'error',
      from: { path: '^web/' },
      to: { path: '^app/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'web-sees-contracts-only',
      severity: 'error',
      from: { path: '^web/' },
      to: { path: '^app/', pathNot: '^app/src/contracts/' },
    },
    {
      name: 'contracts-know-zod-only',
      severity: 'error',
      from: { path: '^app/src/contracts/', pathNot: '\\.test\\.ts$' },
      to: { pathNot: ['^app/src/contracts/', 'node_modules/zod/'] },
    },
    {
      name: 'formats-do-no-io',
      severity: 'error',
      from: { path: '^app/src/formats/', pathNot: '\\.test\\.ts$' },
      to: {
        dependencyTypes: ['core'],
        path: '^(node:)?(fs|fs/promises|net|http|https|child_process|worker_threads)$',
      },
    },
    {
      name: 'production-does-not-see-tests',
      severity: 'error',
      from: { path: '^(app/src|web/src)/', pathNot: '\\.(test|contract)\\.tsx?$' },
      to: { path: ['\\.(test|contract)\\.tsx?$', '^app/(test|bench)/'] },
    },
  ],
  options: {
    parser: 'swc',
    doNotFollow: { path: 'node_modules' },
    exclude: { path: ['web/dist', 'app/kernels', '^cria/'] },
    tsPreCompilationDeps: true,
    combinedDependencies: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
      extensions: ['.ts', '.tsx', '.mjs', '.js', '.json'],
    },
  },
};
