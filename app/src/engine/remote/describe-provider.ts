import type { Provider } from '../../contracts/api/providers.ts';
import { samplingSchema } from '../../contracts/sampling.ts';
import { flavourOf } from './flavours.ts';
import type { ServiceConnection } from './service-connection.ts';
import { tgiSampling } from './tgi-dialect.ts';

/** A service as the page and the command line show it: its key only by being there, and what it cannot do by name. */
export function describeProvider(connection: ServiceConnection): Provider {
  const { provider, known, state, error } = connection;
  const { name, kind, url, key, from, keyProblem } = provider;
  return {
    name,
    kind,
    url,
    hasKey: key !== '' || keyProblem !== null,
    locked: from === 'environment',
    state: keyProblem === null ? state : 'failing',
    error: keyProblem ?? error?.message ?? null,
    hint: error?.hint ?? null,
    models: known?.models.length ?? null,
    capabilities: capabilitiesOf(connection),
  };
}

/** Null until the service itself has said what it is; the other kinds are known beforehand. */
function capabilitiesOf({ provider, known }: ServiceConnection): Provider['capabilities'] {
  if (provider.kind === 'openai' && known === null) return null;
  const flavour = known?.flavour ?? flavourOf(provider, []);
  const isTgi = provider.kind === 'tgi';
  const sampling: readonly string[] = isTgi ? tgiSampling : Object.keys(flavour.fields);
  return {
    title: isTgi ? (known?.tgi?.release ?? 'Text Generation Inference') : flavour.title,
    sampling: [...sampling],
    notSampling: Object.keys(samplingSchema.shape).filter((one) => !sampling.includes(one)),
    continueAnswer: isTgi || flavour.prefill !== null,
    rawPrompts: isTgi || flavour.raw,
    chosenFormats: isTgi,
  };
}
