/** What the native code last said before it died, without anything that might be part of a chat. */
export interface OutputTail {
  push: (chunk: Buffer) => void;
  /** The last lines that name a fault; empty where there are none. */
  faults(): string[];
  /** Whether one of them is a fault of the machine (its memory, a GPU, a driver): no file is to blame for those. */
  isMachineFault(): boolean;
}

/** The library prints prompts when it debugs: only lines of these shapes are ever kept, and only so much of each. */
const faultPatterns = [
  /GGML_ASSERT\(.{0,200}\) failed/u,
  /FATAL ERROR: .{0,200}/u,
  /terminate called .{0,120}/u,
  /(ggml|llama)_[a-z_]{1,60}: (error|failed|insufficient|not enough|out of memory|cannot|unable).{0,160}/u,
  /(CUDA|ROCm|MUSA|SYCL) error.{0,120}/u,
  /Segmentation fault|Illegal instruction|Bus error|Out of memory|Aborted/u,
  /Error \[?[A-Z_]{3,40}\]?: .{0,160}/u,
];
/** Another program has the memory of the GPU, its driver was replaced, a limit of memory is reached. */
const machinePatterns = [
  /(CUDA|ROCm|MUSA|SYCL) error/u,
  // Classes of Vulkan's C++ face: vk::OutOfDeviceMemoryError, vk::DeviceLostError.
  /\bvk::/u,
  /bad_alloc|(out of|insufficient|not enough) memory|(failed|unable) to allocate/iu,
];
const keptLines = 4;
const maxLineChars = 4096;

export function createOutputTail(): OutputTail {
  const found: string[] = [];
  let rest = '';

  function look(line: string): void {
    for (const pattern of faultPatterns) {
      const match = pattern.exec(line);
      if (!match) continue;
      found.push(match[0].replace(/[^\x20-\x7e]/gu, '?'));
      if (found.length > keptLines) found.shift();
      return;
    }
  }

  return {
    push: (chunk) => {
      const lines = (rest + chunk.toString('latin1')).split('\n');
      rest = (lines.pop() ?? '').slice(-maxLineChars);
      for (const line of lines) look(line.slice(0, maxLineChars));
    },
    faults: () => [...found],
    isMachineFault: () => found.some((line) => machinePatterns.some((pattern) => pattern.test(line))),
  };
}
