import { isIP } from 'node:net';
import { AppError } from '../contracts/app-error.ts';
import type { Config, ConfigSource } from './config.ts';
import { envFileLayer, fileLayer, flagLayer, type Layer, variableLayer } from './layers.ts';
import { parseProviders } from './providers.ts';
import { type SettingName, settingNames, settings } from './settings.ts';

export interface ConfigInput {
  /** Folder of the clone. */
  root: string;
  /** Values of flags by setting name; undefined where a flag was not given. */
  flags?: Partial<Record<SettingName, unknown>>;
  environment?: Readonly<Record<string, string | undefined>>;
}

interface Chosen {
  values: Record<SettingName, unknown>;
  sources: Record<SettingName, ConfigSource>;
}

function shown(name: SettingName, value: unknown): string {
  const { isSecret, form } = settings[name];
  if (isSecret) return '(hidden)';
  return JSON.stringify(typeof value === 'string' && form.mask ? form.mask(value) : value);
}

/** The strongest layer's value of each setting, parsed. `layers` come weakest first. */
function choose(layers: readonly Layer[], problems: string[]): Chosen {
  const values: Partial<Record<SettingName, unknown>> = {};
  const sources: Partial<Record<SettingName, ConfigSource>> = {};
  for (const name of settingNames) {
    const { env, form, default: fallback } = settings[name];
    const layer = layers.findLast((candidate) => candidate.values.has(name));
    const parsed = layer && form.schema.safeParse(layer.values.get(name));
    if (layer && !parsed?.success) {
      problems.push(
        `${env} (${layer.source}) is ${shown(name, layer.values.get(name))}; allowed: ${form.allowed}`,
      );
    }
    values[name] = parsed?.success ? parsed.data : fallback;
    sources[name] = layer?.source ?? 'default';
  }
  return { values, sources } as Chosen;
}

export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}

/** Settings that are fine alone but not together. */
function checkTogether(values: Record<SettingName, unknown>, problems: string[]): void {
  const host = String(values.host);
  if (!isLoopback(host) && values.accessKey === '') {
    problems.push(
      `HOST is "${host}", which others can reach; set CORRAL_ACCESS_KEY to a key of at least 16 characters, or leave HOST at 127.0.0.1`,
    );
  }
  if ((values.tlsCertificate === '') !== (values.tlsKey === '')) {
    problems.push('CORRAL_TLS_CERTIFICATE and CORRAL_TLS_KEY go together; set both or neither');
  }
  if (values.tlsCertificate !== '' && !values.https) {
    problems.push(
      'CORRAL_TLS_CERTIFICATE is of use with https only; set CORRAL_HTTPS=true as well, or neither',
    );
  }
}

/** All layers, weakest first. The home folder may itself be set by the outer layers, so they are read first. */
function readLayers(input: ConfigInput, problems: string[]): Layer[] {
  // Tests name a folder of their own: what the operator of a clone keeps there (a database for one) is none of theirs.
  const { CORRAL_TEST_SETTINGS: folder = input.root, ...environment } = input.environment ?? process.env;
  const file = fileLayer(folder, problems);
  const stronger = [
    envFileLayer('.env', folder, problems),
    variableLayer('environment', environment, problems),
    flagLayer(input.flags ?? {}),
  ];
  const home = String(choose([file, ...stronger], []).values.home);
  if (home === folder) return [file, ...stronger];
  return [fileLayer(home, problems), file, envFileLayer('home .env', home, problems), ...stronger];
}

/**
 * The effective configuration: flags over environment over .env (clone, then CORRAL_HOME) over
 * corral.config.json. Throws `config-invalid` with every problem in one list.
 */
export function loadConfig(input: ConfigInput): Config {
  const problems: string[] = [];
  const layers = readLayers(input, problems);
  const { values, sources } = choose(layers, problems);
  const providerVariables = new Map(layers.flatMap((layer) => [...layer.providerVariables]));
  const providers = parseProviders(providerVariables, String(values.hubToken), problems);
  checkTogether(values, problems);
  if (problems.length > 0) throw invalid(problems);
  return Object.freeze({
    ...(values as Omit<Config, 'providers' | 'sources' | 'root'>),
    providers: Object.freeze(providers),
    sources: Object.freeze(sources),
    root: input.root,
  });
}

function invalid(problems: string[]): AppError {
  const count = problems.length === 1 ? 'one problem' : `${problems.length} problems`;
  const lines = problems.map((problem) => `  - ${problem}`).join('\n');
  return new AppError('config-invalid', `the configuration has ${count}:\n${lines}`, {
    hint: 'docs/config.md lists every setting; `corral config` shows the effective values.',
    details: { problems },
  });
}
