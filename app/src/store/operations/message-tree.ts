/** Walks over the messages of one chat, given in the order they were made: parents before children. */
interface TreeRow {
  id: string;
  parent_id: string | null;
}

/** The message and all below it. */
export function subtreeIds(tree: readonly TreeRow[], rootId: string): string[] {
  const inside = new Set([rootId]);
  for (const row of tree) if (row.parent_id !== null && inside.has(row.parent_id)) inside.add(row.id);
  return [...inside];
}

/** What to show when `gone` and all below it go: the newest branch of the newest sibling, else the parent. */
export function leafNextTo(tree: readonly TreeRow[], gone: TreeRow): string | null {
  const sibling = tree.findLast((row) => row.parent_id === gone.parent_id && row.id !== gone.id);
  if (!sibling) return gone.parent_id;
  let leaf = sibling.id;
  for (let child = newestChild(tree, leaf); child !== undefined; child = newestChild(tree, leaf))
    leaf = child;
  return leaf;
}

function newestChild(tree: readonly TreeRow[], parentId: string): string | undefined {
  return tree.findLast((row) => row.parent_id === parentId)?.id;
}
