import type { RemoteProvider } from './remote-provider.ts';

/** What a person does next; the commands are complete, so that they can be copied. */

export function keyHint(provider: RemoteProvider): string {
  if (provider.from === 'page') return `Enter the key of ${provider.name} again in Settings, Providers.`;
  const variable = `CORRAL_PROVIDER_${provider.name.toUpperCase().replaceAll('-', '_')}_KEY`;
  return provider.kind === 'huggingface'
    ? `Make a token that may call Inference Providers at huggingface.co/settings/tokens and set HF_TOKEN (or ${variable}) in .env, and start again.`
    : `Set ${variable} in .env to a key that it accepts, and start again.`;
}

export function modelHint(provider: RemoteProvider, asked: { model: string | null }): string {
  const listed = `\`corral list --provider ${provider.name}\` shows what it serves`;
  const repository = repositoryOf(asked.model ?? '');
  if (provider.kind !== 'huggingface' || repository === null) return `${listed}.`;
  return (
    `No service behind Hugging Face offers it now; ${listed}. It runs on this machine after ` +
    `\`corral pull ${repository}\`; or on a GPU of yours: \`vllm serve ${repository}\` with ` +
    `CORRAL_PROVIDER_VLLM_URL=http://127.0.0.1:8000/v1, or \`docker run --gpus all -p 8080:80 ` +
    `ghcr.io/huggingface/text-generation-inference --model-id ${repository}\` with ` +
    `CORRAL_PROVIDER_TGI_URL=http://127.0.0.1:8080 and CORRAL_PROVIDER_TGI_KIND=tgi.`
  );
}

/** `owner/name` of a model's name at a service, which may carry a suffix such as `:fastest`; null: it is none. */
export function repositoryOf(model: string): string | null {
  return /^([\w.-]+\/[\w.-]+?)(?::[\w.-]+)?$/.exec(model)?.[1] ?? null;
}
