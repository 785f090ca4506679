import { readMachine, type Machine } from '../../lib/machine.ts';
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
/** Bytes a number takes in the cache; q8_0 keeps a scale of 2 bytes for each 32. */
const kvBytesOfNumber = { f16: 2, q8_0: 34 / 32 } as const;
/** Node itself, the libraries, the vocabulary's tables. */
const processBytes = 110 * 2 ** 20;
/** The library reads a prompt in pieces of so many tokens, and keeps so many rows of logits. */
const physicalBatch = 128;
const logitRows = 64;
/** Above this part of what can be had, other programs will feel it. */
const comfortable = 0.9;
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
  const gpuLayers = layersForGpu(facts, options, { contextTokens, kvType, place });
  const withCells = (kvTokens: number): LoadPlan => ({
    contextTokens,
    slots,
    kvTokens,
    kvType,
    gpuLayers,
    estimate: estimateOf(facts, { contextTokens: kvTokens, kvType, gpuLayers, place }),
  });
  // Room for every slot's whole context where there is; slots share what there is otherwise.
  let plan = withCells(contextTokens * slots);
  for (let share = slots - 1; share >= 1 && plan.estimate.fit !== 'fits'; share--)
    plan = withCells(contextTokens * share);
  if (plan.estimate.fit !== 'will-not-fit') return plan;
  const wouldFit = whatWouldFit(facts, { contextTokens, kvType, gpuLayers, place });
  return { ...plan, estimate: { ...plan.estimate, ...(wouldFit ? { wouldFit } : {}) } };
}

export function placeNow(machine: Machine = readMachine(), gpuFreeBytes = 0): MemoryPlace {
  return { availableBytes: machine.availableBytes, gpuFreeBytes };
}

interface Settings {
  contextTokens: number;
  kvType: 'f16' | 'q8_0';
  gpuLayers: number;
  place: MemoryPlace;
}

function estimateOf(
  facts: ModelFacts,
  { contextTokens, kvType, gpuLayers, place }: Settings,
): MemoryEstimate {
  const onGpu = facts.layers === 0 ? 0 : Math.min(1, gpuLayers / facts.layers);
  const weightsBytes = facts.weightsBytes - facts.layerBytes * onGpu;
  const repackedBytes = facts.repackedBytes * (1 - onGpu);
  const kvBytes = kvBytesOf(facts, contextTokens, kvType) * (1 - onGpu);
  const computeBytes = computeBytesOf(facts) + facts.adapterBytes;
  const totalBytes = weightsBytes + repackedBytes + kvBytes + computeBytes;
  const { availableBytes } = place;
  const fit =
    totalBytes <= availableBytes * comfortable
      ? 'fits'
      : totalBytes <= availableBytes
        ? 'tight'
        : 'will-not-fit';
  return { fit, weightsBytes, repackedBytes, kvBytes, computeBytes, totalBytes, availableBytes };
}

/** The whole cache is in memory from its creation on. */
export function kvBytesOf(facts: ModelFacts, tokens: number, kvType: 'f16' | 'q8_0'): number {
  return tokens * facts.layers * (facts.keyLength + facts.valueLength) * kvBytesOfNumber[kvType];
}

function computeBytesOf(facts: ModelFacts): number {
  const activations = physicalBatch * (6 * facts.embeddingLength + 3 * facts.feedForwardLength) * 4;
  const logits = (physicalBatch + logitRows) * facts.vocabularySize * 4;
  return processBytes + activations + logits;
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
    (facts.layerBytes + kvBytesOf(facts, settings.contextTokens, settings.kvType)) / facts.layers;
  const fitting = Math.floor(free / perLayer);
  const headBytes = facts.weightsBytes - facts.layerBytes;
  // The head counts as one layer more; it goes along when everything else fits.
  return fitting >= facts.layers && free - perLayer * facts.layers >= headBytes
    ? facts.layers + 1
    : Math.max(0, Math.min(fitting, facts.layers));
}

function whatWouldFit(facts: ModelFacts, settings: Settings): MemoryEstimate['wouldFit'] {
  const { gpuLayers } = settings;
  const possible = layersForGpu(facts, {}, settings);
  const tries: MemoryEstimate['wouldFit'][] = possible > gpuLayers ? [{ gpuLayers: possible }] : [];
  tries.push({ kvType: 'q8_0' });
  for (let tokens = settings.contextTokens / 2; tokens >= smallestContext; tokens /= 2) {
    tries.push({ contextTokens: Math.floor(tokens) }, { contextTokens: Math.floor(tokens), kvType: 'q8_0' });
  }
  return tries.find((changes) => estimateOf(facts, { ...settings, ...changes }).fit !== 'will-not-fit');
}
