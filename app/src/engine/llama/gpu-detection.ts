import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

export type GpuKind = 'cuda' | 'vulkan';

export interface FoundGpu {
  kind: GpuKind;
  /** What showed it, for `corral doctor`. */
  evidence: string;
}

const libraryFolders = [
  'usr/lib/x86_64-linux-gnu',
  'usr/lib/aarch64-linux-gnu',
  'usr/lib64',
  'usr/lib',
  'usr/lib/wsl/lib',
  'usr/local/cuda/lib64',
  'run/opengl-driver/lib',
];
const vulkanDrivers = ['usr/share/vulkan/icd.d', 'etc/vulkan/icd.d'];

/**
 * What can compute besides the processor: an NVIDIA card with its driver loaded, or a card with a Vulkan driver.
 * Looks at files only; `root` is another folder in tests.
 */
export function detectGpus(root = '/'): FoundGpu[] {
  const found: FoundGpu[] = [];
  const nvidia = ['proc/driver/nvidia/version', 'dev/nvidiactl', 'dev/dxg'].find((path) =>
    existsSync(join(root, path)),
  );
  const cudaDriver = libraryIn(root, /^libcuda\.so(\.1)?$/u);
  if (nvidia !== undefined && cudaDriver !== null) {
    found.push({ kind: 'cuda', evidence: `/${nvidia}, /${cudaDriver}` });
  }
  const card = filesOf(join(root, 'dev/dri')).find((name) => name.startsWith('renderD'));
  const driver = hardwareDriver(root);
  if (card !== undefined && driver !== null && libraryIn(root, /^libvulkan\.so\.1$/u) !== null) {
    found.push({ kind: 'vulkan', evidence: `/dev/dri/${card}, /${driver}` });
  }
  return found;
}

/** Drivers that compute on the processor (lavapipe) are slower than doing so without them. */
function hardwareDriver(root: string): string | null {
  for (const folder of vulkanDrivers) {
    const name = filesOf(join(root, folder)).find(
      (file) => file.endsWith('.json') && !file.startsWith('lvp_'),
    );
    if (name !== undefined) return join(folder, name);
  }
  return null;
}

function libraryIn(root: string, pattern: RegExp): string | null {
  for (const folder of libraryFolders) {
    const name = filesOf(join(root, folder)).find((file) => pattern.test(file));
    if (name !== undefined) return join(folder, name);
  }
  return null;
}

function filesOf(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
