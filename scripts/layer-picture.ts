import { layers } from '../.dependency-cruiser.mjs';

/** What dependency-cruiser tells of one file. */
export interface CruisedModule {
  source: string;
  dependencies: { resolved: string; dependencyTypes: string[] }[];
}

/** Every folder may use these; drawing that would hide the rest. */
const everybodysFolders = new Set<string>(layers.slice(-2).flat());
const layerNames = ['faces', 'orchestration', 'ports and adapters', 'parts', 'base', 'words'];

/** `compose/` is the rest of the composition root. */
const folderOf = (path: string): string | undefined => /^app\/src\/(?!compose\/)([^/]+)\//.exec(path)?.[1];
const isProduct = (path: string): boolean => !/\.(test|contract)\.ts$|\/contract\//.test(path);

/** From → to → whether anything but a type is imported. */
function arrows(modules: readonly CruisedModule[]): Map<string, boolean> {
  const found = new Map<string, boolean>();
  for (const { source, dependencies } of modules.filter(({ source }) => isProduct(source))) {
    const from = folderOf(source);
    for (const { resolved, dependencyTypes } of dependencies) {
      const to = folderOf(resolved);
      if (!from || !to || from === to || everybodysFolders.has(to)) continue;
      const key = `${from} ${to}`;
      found.set(key, (found.get(key) ?? false) || !dependencyTypes.includes('type-only'));
    }
  }
  return found;
}

/** The picture of docs/architecture.md, and folders that belong to no layer. */
export function layerPicture(modules: readonly CruisedModule[]): { picture: string; strangers: string[] } {
  const folders = new Set(modules.flatMap(({ source }) => folderOf(source) ?? []));
  const known = new Set<string>(layers.flat());
  const boxes = layers.map((names, index) => {
    const nodes = names.filter((name) => folders.has(name)).map((name) => `    ${name}`);
    return [`  subgraph ${layerNames[index]?.replaceAll(' ', '-')}`, ...nodes, '  end'].join('\n');
  });
  const lines = [...arrows(modules)]
    .toSorted(([one], [other]) => (one < other ? -1 : 1))
    .map(([key, isValue]) => `  ${key.replace(' ', isValue ? ' --> ' : ' -.-> ')}`);
  return {
    picture: ['```mermaid', 'flowchart TD', ...boxes, ...lines, '```'].join('\n'),
    strangers: [...folders].filter((name) => !known.has(name)),
  };
}
