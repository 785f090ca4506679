/** weights += b · a in plain TypeScript: the readable twin of app/kernels/merge.ts, byte for byte. */
export function mergeLora(weights: Float32Array, b: Float32Array, a: Float32Array, rank: number): void {
  const columns = a.length / rank;
  const rows = b.length / rank;
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) {
      let sum = 0;
      for (let k = 0; k < rank; k++)
        sum = Math.fround(sum + Math.fround((b[row * rank + k] ?? 0) * (a[k * columns + column] ?? 0)));
      const at = row * columns + column;
      weights[at] = Math.fround((weights[at] ?? 0) + sum);
    }
}
