import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseEnv } from 'node:util';
import { z } from 'zod';
import { nearestWord } from '../lib/nearest-word.ts';
import type { ConfigSource } from './config.ts';
import { isProviderVariable } from './providers.ts';
import { type SettingName, settingNames, settings } from './settings.ts';

/** What one place (flags, environment, a file) says, unparsed. */
export interface Layer {
  source: ConfigSource;
  values: Map<SettingName, unknown>;
  providerVariables: Map<string, string>;
}

const nameByVariable = new Map(settingNames.map((name) => [settings[name].env, name]));
/** Names by which other tools read the same thing, first come first heard; most of them take proxies in small letters. */
export const aliases = new Map([
  ['HUGGING_FACE_HUB_TOKEN', 'HF_TOKEN'],
  ['HUGGINGFACEHUB_API_TOKEN', 'HF_TOKEN'],
  ['https_proxy', 'HTTPS_PROXY'],
  ['http_proxy', 'HTTP_PROXY'],
  ['no_proxy', 'NO_PROXY'],
]);

function unknownKey(place: string, key: string, known: Iterable<string>): string {
  const meant = nearestWord(key, known);
  return `${place} has the unknown key ${key}${meant ? `; did you mean ${meant}?` : ''}`;
}

/**
 * Variables of the process or of a .env file. In a .env file every unknown key is a problem, in the
 * environment only CORRAL_*: the rest is not ours.
 */
export function variableLayer(
  source: ConfigSource,
  variables: Readonly<Record<string, string | undefined>>,
  problems: string[],
): Layer {
  const layer: Layer = { source, values: new Map(), providerVariables: new Map() };
  for (const [key, value] of Object.entries(variables)) {
    if (value === undefined || value === '' || aliases.has(key)) continue;
    const name = nameByVariable.get(key);
    if (name) layer.values.set(name, value);
    else if (isProviderVariable(key)) layer.providerVariables.set(key, value);
    else if (key.startsWith('CORRAL_') || source !== 'environment') {
      problems.push(unknownKey(source, key, nameByVariable.keys()));
    }
  }
  addAliases(layer, variables);
  return layer;
}

/** Another name never takes the place of the name itself. */
function addAliases({ values }: Layer, variables: Readonly<Record<string, string | undefined>>): void {
  for (const [alias, variable] of aliases) {
    const value = variables[alias];
    const name = nameByVariable.get(variable);
    if (value && name && !values.has(name)) values.set(name, value);
  }
}

const unreadable: Readonly<Record<string, string>> = {
  EACCES: 'this user may not read it',
  EISDIR: 'it is a folder',
};

/** Null: it is not there, or cannot be read, which is a problem. */
function textOf(file: string, problems: string[]): string | null {
  if (!existsSync(file)) return null;
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    problems.push(`${file} cannot be read: ${unreadable[code] ?? message}`);
    return null;
  }
}

export function envFileLayer(source: ConfigSource, folder: string, problems: string[]): Layer {
  return variableLayer(source, parseEnv(textOf(join(folder, '.env'), problems) ?? ''), problems);
}

const fileSchema = z.record(z.string(), z.unknown());

export function fileLayer(folder: string, problems: string[]): Layer {
  const layer: Layer = { source: 'file', values: new Map(), providerVariables: new Map() };
  const file = join(folder, 'corral.config.json');
  const text = textOf(file, problems);
  if (text === null) return layer;
  try {
    for (const [key, value] of Object.entries(fileSchema.parse(JSON.parse(text)))) {
      const name = settingNames.find((candidate) => candidate === key);
      if (name) layer.values.set(name, Array.isArray(value) ? value.join(',') : value);
      else problems.push(unknownKey(file, key, settingNames));
    }
  } catch (error) {
    problems.push(`${file} is not a JSON object: ${error instanceof Error ? error.message : String(error)}`);
  }
  return layer;
}

export function flagLayer(flags: Partial<Record<SettingName, unknown>>): Layer {
  const given = settingNames.filter((name) => flags[name] !== undefined);
  return {
    source: 'flag',
    values: new Map(given.map((name) => [name, flags[name]])),
    providerVariables: new Map(),
  };
}
