import { readMachine, type Machine } from '../../lib/machine.ts';
import { fitOf, kvBytesPerToken, memoryUse } from '../../lib/memory-fit.ts';
import type { LoadOptions, MemoryEstimate } from '../engine.ts';
import type { ModelFacts } from './model-facts.ts';

export interface MemoryPlace {
  /** Memory that can be had now. */
  availableBytes: number;
  /** Free memory of the GPUs together; 0 where there is none. */
  gpuFreeBytes: number;
}

export interface LoadPlan {
  contextTokens: number;
  slots: number;
  /** Cells of the KV cache that all chats share. */
  kvTokens: number;
  kvType: 'f16' | 'q8_0';
  gpuLayers: number;
  estimate: MemoryEstimate;
}

export const defaultContextTokens = 8192;
const defaultSlots = 4;
/** A GPU's driver and its compute buffers. */
const gpuReserveBytes = 600 * 2 ** 20;
const smallestContext = 512;

/** What loading would take, and the most comfortable way to do it. */
export function planLoad(facts: ModelFacts, options: LoadOptions, place = placeNow()): LoadPlan {
  const wanted = options.contextTokens ?? defaultContextTokens;
  const contextTokens =
    facts.trainedContextTokens > 0 ? Math.min(wanted, facts.trainedContextTokens) : wanted;
  const slots = options.slots ?? defaultSlots;
  const kvType = options.kvType ?? 'f16';
  const gpuLayers = layersForGpu(facts, options, { kvTokens: contextTokens, kvType, place });
  const settingsOf = (kvTokens: number): Settings => ({ kvTokens, kvType, gpuLayers, place });
  const withCells = (kvTokens: number): LoadPlan => ({
    contextTokens,
    slots,
    kvTokens,
    kvType,
    gpuLayers,
    estimate: estimateOf(facts, settingsOf(kvTokens)),
  });
  // Room for every slot's whole context where there is; slots share what there is otherwise.
  let plan = withCells(contextTokens * slots);
  const isRoomy = (): boolean =>
    plan.estimate.fit === 'fits' && hasRoomOnGpu(facts, settingsOf(plan.kvTokens));
  for (let share = slots - 1; share >= 1 && !isRoomy(); share--) plan = withCells(contextTokens * share);
  if (plan.estimate.fit !== 'will-not-fit') return plan;
  const wouldFit = whatWouldFit(facts, settingsOf(contextTokens));
  return { ...plan, estimate: { ...plan.estimate, ...(wouldFit ? { wouldFit } : {}) } };
}

export function placeNow(machine: Machine = readMachine(), gpuFreeBytes = 0): MemoryPlace {
  return { availableBytes: machine.availableBytes, gpuFreeBytes };
}

interface Settings {
  kvTokens: number;
  kvType: 'f16' | 'q8_0';
  gpuLayers: number;
  place: MemoryPlace;
}

function estimateOf(facts: ModelFacts, settings: Settings): MemoryEstimate {
  const whole = memoryUse(facts, settings);
  const onGpu = partOnGpu(facts, settings.gpuLayers);
  const weightsBytes = whole.weightsBytes - facts.layerBytes * onGpu;
  const repackedBytes = whole.repackedBytes * (1 - onGpu);
  const kvBytes = whole.kvBytes * (1 - onGpu);
  const computeBytes = whole.computeBytes + facts.adapterBytes;
  const totalBytes = weightsBytes + repackedBytes + kvBytes + computeBytes;
  const { availableBytes } = settings.place;
  const fit = fitOf(totalBytes, availableBytes);
  return { fit, weightsBytes, repackedBytes, kvBytes, computeBytes, totalBytes, availableBytes };
}

/** What part of the layers is on the GPU, and with it their part of the KV cache. */
function partOnGpu(facts: ModelFacts, gpuLayers: number): number {
  return facts.layers === 0 ? 0 : Math.min(1, gpuLayers / facts.layers);
}

/** The layers were chosen for one context: whether the cache of all has room beside them. */
function hasRoomOnGpu(facts: ModelFacts, { kvTokens, kvType, gpuLayers, place }: Settings): boolean {
  if (gpuLayers === 0 || place.gpuFreeBytes === 0) return true;
  const kvBytes = kvBytesPerToken(facts, kvType) * kvTokens;
  const layersBytes = (facts.layerBytes + kvBytes) * partOnGpu(facts, gpuLayers);
  const headBytes = gpuLayers > facts.layers ? headBytesOf(facts) : 0;
  return layersBytes + headBytes <= place.gpuFreeBytes - gpuReserveBytes;
}

function headBytesOf(facts: ModelFacts): number {
  return facts.weightsBytes - facts.layerBytes;
}

function layersForGpu(
  facts: ModelFacts,
  options: LoadOptions,
  settings: Omit<Settings, 'gpuLayers'>,
): number {
  if (typeof options.gpuLayers === 'number') return Math.min(options.gpuLayers, facts.layers + 1);
  const free = settings.place.gpuFreeBytes - gpuReserveBytes;
  if (free <= 0 || facts.layers === 0) return 0;
  const perLayer =
    (facts.layerBytes + kvBytesPerToken(facts, settings.kvType) * settings.kvTokens) / facts.layers;
  const fitting = Math.floor(free / perLayer);
  // The head counts as one layer more; it goes along when everything else fits.
  return fitting >= facts.layers && free - perLayer * facts.layers >= headBytesOf(facts)
    ? facts.layers + 1
    : Math.max(0, Math.min(fitting, facts.layers));
}

function whatWouldFit(facts: ModelFacts, settings: Settings): MemoryEstimate['wouldFit'] {
  const { gpuLayers } = settings;
  const possible = layersForGpu(facts, {}, settings);
  const tries: NonNullable<MemoryEstimate['wouldFit']>[] =
    possible > gpuLayers ? [{ gpuLayers: possible }] : [];
  tries.push({ kvType: 'q8_0' });
  for (let tokens = settings.kvTokens / 2; tokens >= smallestContext; tokens /= 2) {
    tries.push({ contextTokens: Math.floor(tokens) }, { contextTokens: Math.floor(tokens), kvType: 'q8_0' });
  }
  return tries.find(({ contextTokens: kvTokens = settings.kvTokens, ...changes }) => {
    return estimateOf(facts, { ...settings, ...changes, kvTokens }).fit !== 'will-not-fit';
  });
}
