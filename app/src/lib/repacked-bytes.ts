/** What of a tensor decides whether it is laid out anew: the same of a file and of a plan for one. */
export interface WeightTensor {
  name: string;
  /** GGUF's name of its type, as `q4_k`. */
  type: string;
  /** As a GGUF file has them: the first one is contiguous. */
  dimensions: readonly number[];
  sizeBytes: number;
}

/** Types that ggml's CPU code lays out anew for its wide instructions, by processor. */
const repackedTypes: Readonly<Record<string, ReadonlySet<string>>> = {
  x64: new Set(['q4_0', 'q4_k', 'q2_k', 'iq4_nl']),
  arm64: new Set(['q4_0', 'q4_k', 'q5_k', 'q6_k', 'q8_0', 'iq4_nl']),
};
const rowsOfRepacking = 8;

/** What the CPU keeps beside the file: a second copy of the weights that it lays out anew. */
export function repackedBytes(tensors: readonly WeightTensor[], processor: string = process.arch): number {
  const types = repackedTypes[processor] ?? new Set();
  const ofTypes = tensors.filter(({ type }) => types.has(type));
  const copied = [...ofTypes.filter(isRepacked), ...tiedOutput(tensors, ofTypes)];
  return copied.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}

function isRepacked({ name, dimensions }: WeightTensor): boolean {
  const [columns = 0, rows = 0] = dimensions;
  const isMatrix = dimensions.length >= 2 && columns > 1 && rows % rowsOfRepacking === 0;
  return isMatrix && !name.startsWith('token_embd');
}

/** Without a head of its own, a model multiplies by its embeddings: those are laid out anew for that. */
function tiedOutput(
  tensors: readonly WeightTensor[],
  ofTypes: readonly WeightTensor[],
): readonly WeightTensor[] {
  if (tensors.some(({ name }) => name === 'output.weight')) return [];
  return ofTypes.filter(({ name }) => name === 'token_embd.weight');
}
