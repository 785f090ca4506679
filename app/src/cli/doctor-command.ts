import type { Config } from '../config/config.ts';
import { prepareHome } from '../config/home.ts';
import { toAppError } from '../contracts/app-error.ts';
import { formatBytes } from '../lib/format-bytes.ts';
import { diskAvailableBytes, type Machine, readMachine } from '../lib/machine.ts';
import type { Command } from './command.ts';
import type { Finding } from './finding.ts';
import type { Output } from './render/output.ts';

const gibibyte = 1024 ** 3;

function nodeFinding(): Finding {
  return { subject: 'Node', verdict: 'good', found: process.versions.node };
}

function coresFinding({ cores, cpuQuota }: Machine): Finding {
  const limited = cpuQuota !== null && cpuQuota < cores;
  return {
    subject: 'Cores',
    verdict: limited && cpuQuota < 1 ? 'bad' : limited ? 'note' : 'good',
    found: limited ? `${cores}, of which a quota grants ${cpuQuota.toFixed(1)}` : `${cores}`,
    ...(limited ? { advice: 'Raise the CPU limit of the container or service for faster answers.' } : {}),
  };
}

function memoryFinding({ memoryBytes, availableBytes, memoryLimitBytes }: Machine): Finding {
  const limit = memoryLimitBytes === null ? '' : `, limited to ${formatBytes(memoryLimitBytes)}`;
  const isSmall = availableBytes < 2 * gibibyte;
  return {
    subject: 'Memory',
    verdict: availableBytes < gibibyte / 2 ? 'bad' : isSmall ? 'note' : 'good',
    found: `${formatBytes(availableBytes)} available of ${formatBytes(memoryBytes)}${limit}`,
    ...(isSmall ? { advice: 'Choose models under 1 B parameters, or free some memory.' } : {}),
  };
}

function homeFinding({ home }: Config): Finding {
  try {
    prepareHome(home);
  } catch (error) {
    const { message, hint } = toAppError(error);
    return { subject: 'CORRAL_HOME', verdict: 'bad', found: message, ...(hint ? { advice: hint } : {}) };
  }
  const free = diskAvailableBytes(home);
  const isShort = free < 6 * gibibyte;
  return {
    subject: 'Disk',
    verdict: free < gibibyte / 2 ? 'bad' : isShort ? 'note' : 'good',
    found: `${formatBytes(free)} free at ${home}`,
    ...(isShort
      ? { advice: 'A 7 B model needs about 4.5 GB; make room or set CORRAL_HOME to another disk.' }
      : {}),
  };
}

const marks = { good: 'ok', note: 'note', bad: 'BAD' } as const;
const colours = { good: 'green', note: 'yellow', bad: 'red' } as const;

function print(finding: Finding, output: Output): void {
  const mark = output.style(colours[finding.verdict], marks[finding.verdict].padEnd(5));
  output.line(`${mark} ${finding.subject.padEnd(16)} ${finding.found}`);
  if (finding.advice) output.line(`${' '.repeat(23)}${finding.advice}`);
}

export const doctorCommand: Command = {
  name: 'doctor',
  about:
    'Look at this machine: cores, memory, disk, GPU, libraries, the Hub; with what to do where something is wrong.',
  settings: ['hubEndpoint', 'hubOffline', 'llamaFolder'],
  async run({ config, output, corral, signal }) {
    const machine = readMachine();
    const findings = [nodeFinding(), coresFinding(machine), memoryFinding(machine), homeFinding(config)];
    for (const finding of findings) print(finding, output);
    for await (const finding of corral.examine(config, signal)) {
      findings.push(finding);
      print(finding, output);
    }
    output.json({ findings });
    if (findings.some((finding) => finding.verdict === 'bad')) process.exitCode = 1;
  },
};
