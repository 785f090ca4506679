import type { Finding } from '../cli/finding.ts';
import type { Config } from '../config/config.ts';
import { toAppError } from '../contracts/app-error.ts';
import type { Libraries, LibrariesStatus } from '../engine/llama/libraries.ts';
import type { LlamaLoader } from '../engine/llama/llama-loader.ts';
import type { HttpClient } from '../net/http-client.ts';

export interface ExamineParts {
  config: Config;
  libraries: Pick<Libraries, 'status'>;
  loader: Pick<LlamaLoader, 'probe'>;
  http: HttpClient;
}

/** What only the adapters can say for `corral doctor`. */
export async function* examineParts(parts: ExamineParts, signal: AbortSignal): AsyncIterable<Finding> {
  const libraries = parts.libraries.status();
  yield* engineFindings(parts.loader, libraries);
  yield gpuFinding(libraries);
  yield await hubFinding(parts.config, parts.http, signal);
}

async function* engineFindings(
  loader: ExamineParts['loader'],
  { directory }: LibrariesStatus,
): AsyncIterable<Finding> {
  try {
    const { hello, isolation } = await loader.probe();
    yield {
      subject: 'Engine libraries',
      verdict: 'good',
      found: `llama.cpp ${hello.llamaVersion} at ${directory}`,
    };
    yield isolation.isNetworkIsolated
      ? { subject: 'Sandbox', verdict: 'good', found: 'the engine process has no network' }
      : {
          subject: 'Sandbox',
          verdict: 'note',
          found: `the engine process could not be cut off from the network: ${isolation.reason}`,
          advice: 'Allow user namespaces for this user, or run Corral in a container without network.',
        };
  } catch (error) {
    const { message, hint } = toAppError(error);
    yield { subject: 'Engine libraries', verdict: 'bad', found: message, ...(hint ? { advice: hint } : {}) };
  }
}

function gpuFinding({ gpus, wanting }: LibrariesStatus): Finding {
  if (gpus.length === 0)
    return { subject: 'GPU', verdict: 'note', found: 'none found; the processor computes' };
  const found = gpus.map((gpu) => `${gpu.kind} (${gpu.evidence})`).join(', ');
  if (wanting === null) return { subject: 'GPU', verdict: 'good', found };
  return {
    subject: 'GPU',
    verdict: 'note',
    found: `${found}, without its library`,
    advice: `Set CORRAL_GPU=${wanting} to fetch and use it.`,
  };
}

const hubTimeoutMs = 5000;

async function hubFinding(config: Config, http: HttpClient, signal: AbortSignal): Promise<Finding> {
  const subject = 'Hub';
  if (config.hubOffline) return { subject, verdict: 'note', found: 'not asked: HF_HUB_OFFLINE is set' };
  try {
    const url = `${config.hubEndpoint}/api/models?limit=1`;
    const answer = await http.request(url, { timeouts: { totalMs: hubTimeoutMs }, signal });
    await answer.discard();
    if (answer.status < 400) return { subject, verdict: 'good', found: `${config.hubEndpoint} answers` };
    return { subject, verdict: 'note', found: `${config.hubEndpoint} answers with ${answer.status}` };
  } catch (error) {
    return {
      subject,
      verdict: 'note',
      found: toAppError(error).message,
      advice:
        'What is here works without the Hub. To pull models, check the network, a proxy, or HF_ENDPOINT.',
    };
  }
}
