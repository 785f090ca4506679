import type { GpuKind } from './gpu-detection.ts';

/** Exactly the release that the engine's struct layouts belong to. */
export const packageVersion = '3.22.1';

export interface LibraryPackage {
  name: string;
  /** What the registry must deliver. */
  integrity: string;
}

/** Names of the packages that carry llama.cpp's libraries, by platform. */
const processorPackages: Readonly<Record<string, string>> = {
  'linux-x64': 'linux-x64',
  'linux-arm64': 'linux-arm64',
  'linux-arm': 'linux-armv7l',
  'linux-riscv64': 'linux-riscv64',
  'darwin-arm64': 'mac-arm64-metal',
  'darwin-x64': 'mac-x64',
  'win32-x64': 'win-x64',
  'win32-arm64': 'win-arm64',
};

const gpuPackages: Readonly<Record<string, readonly LibraryPackage[]>> = {
  'linux-x64-cuda': [
    {
      name: 'linux-x64-cuda',
      integrity:
        'sha512-8rQCjyNNLZJUFit+YpjwlC4hwkKgOMIkB2wuycKBf8NU2O3ySKbiWZQ8aw9ku2nUTXjSnUIrE6KB88itduTBuA==',
    },
    {
      name: 'linux-x64-cuda-ext',
      integrity:
        'sha512-4e5ajkiM2aR2WAdB/N/ACk4weEhHvOAIrzxZPsIX0xDFW5+6hhShuy1/vs88SK9NGdgAco9IyE28eYS0H1efpA==',
    },
  ],
  'linux-x64-vulkan': [
    {
      name: 'linux-x64-vulkan',
      integrity:
        'sha512-bBxqU+JOcBu1nb5Qj2zcMci+JByT1E8EajHvYodyNfVIPkEhXh+/HMwR1/BT7xP08YK0hks+kM8fglER0P8JEg==',
    },
  ],
};

/** Null where no package exists for the platform. */
export function processorPackage(platform: string, arch: string): string | null {
  const name = processorPackages[`${platform}-${arch}`];
  return name === undefined ? null : `@node-llama-cpp/${name}`;
}

/** Empty where a GPU of this kind has no library for the platform that this release could check. */
export function packagesForGpu(platform: string, arch: string, gpu: GpuKind): readonly LibraryPackage[] {
  return gpuPackages[`${platform}-${arch}-${gpu}`] ?? [];
}
