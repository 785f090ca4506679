import { homedir } from 'node:os';
import { join } from 'node:path';
import { maxAccessKeyLength, maxServiceKeyLength } from '../contracts/key-text.ts';
import {
  byteSize,
  choice,
  databaseAddress,
  type Form,
  headerKey,
  hostList,
  hostNames,
  path,
  proxyAddress,
  secret,
  serviceAddress,
  webAddress,
  wholeNumber,
  words,
  yesOrNo,
} from './forms.ts';

/** One setting: how it is spelt everywhere, what it may be, what it is when nobody says anything. */
export interface Setting<Value> {
  env: string;
  /** Commander's spelling; absent where a command line would show a secret to every process listing. */
  flag?: string;
  form: Form<Value>;
  default: Value;
  /** One sentence for docs/config.md and --help. */
  about: string;
  isSecret?: true;
}

function row<Value>(
  env: string,
  form: Form<Value>,
  fallback: NoInfer<Value>,
  rest: { flag?: string; about: string; isSecret?: true },
): Setting<Value> {
  return { env, form, default: fallback, ...rest };
}

const home = homedir();

/** `own`, and those of prompts/built-in-formats.ts, which a test compares. */
export const promptFormats = [
  'own',
  'llama-2',
  'transcript',
  'guanaco',
  'falcon',
  'alpaca',
  'vicuna',
  'chatml',
  'llama-3',
  'gemma',
  'phi-3',
] as const;

/** Every setting of the operator. Providers are apart: their names are part of the variable (providers.ts). */
export const settings = {
  host: row('HOST', words(255), '127.0.0.1', {
    flag: '--host <address>',
    about: 'Address to listen on. Any other than loopback needs CORRAL_ACCESS_KEY.',
  }),
  port: row('PORT', wholeNumber(0, 65535), 7860, {
    flag: '--port <number>',
    about: 'Port to listen on; 0 takes a free one.',
  }),
  home: row('CORRAL_HOME', path(home), join(home, '.corral'), {
    flag: '--home <folder>',
    about: 'Folder of everything Corral keeps: database, models, KV snapshots, backups.',
  }),
  model: row('CORRAL_MODEL', words(500), 'cria', {
    flag: '--model <reference>',
    about: 'Model of a new chat where nothing was chosen before.',
  }),
  promptFormat: row('CORRAL_FORMAT', choice(promptFormats), 'own', {
    about:
      "Prompt format where nobody chose another, clients of the compatible endpoints included; own is the model's.",
  }),
  accessKey: row('CORRAL_ACCESS_KEY', headerKey(16, maxAccessKeyLength), '', {
    about:
      'Key of at least 16 characters that the page asks for and API clients send as a bearer key. Needed for any HOST but loopback.',
    isSecret: true,
  }),
  allowedHosts: row<readonly string[]>('CORRAL_ALLOWED_HOSTS', hostNames(), [], {
    flag: '--allowed-hosts <names>',
    about: 'Further names this server may be called by (Host header), such as chat.example.lan.',
  }),
  https: row('CORRAL_HTTPS', yesOrNo(), false, {
    flag: '--https',
    about: 'Serve over https, with a certificate made here unless one is given.',
  }),
  tlsCertificate: row('CORRAL_TLS_CERTIFICATE', path(home), '', {
    flag: '--tls-certificate <file>',
    about: 'PEM file with the certificate chain for https.',
  }),
  tlsKey: row('CORRAL_TLS_KEY', path(home), '', {
    flag: '--tls-key <file>',
    about: 'PEM file with the private key for https.',
  }),
  logLevel: row('CORRAL_LOG_LEVEL', choice(['debug', 'info', 'warn', 'error', 'silent']), 'warn', {
    flag: '--log-level <level>',
    about: 'What the server writes to standard error. Never message text.',
  }),
  title: row('CORRAL_TITLE', words(200), 'Corral', {
    about: 'Title of the page and of the Gradio interface.',
  }),
  description: row('CORRAL_DESCRIPTION', words(2000), 'Talk to a model on your own machine.', {
    about: 'Sentence under the title.',
  }),
  feedback: row('CORRAL_FEEDBACK', yesOrNo(), false, { about: 'Show thumbs under answers.' }),
  databaseUrl: row('DATABASE_URL', databaseAddress(), '', {
    about: 'PostgreSQL to keep chats in; without it SQLite in CORRAL_HOME.',
    isSecret: true,
  }),
  hubToken: row('HF_TOKEN', headerKey(4, maxServiceKeyLength), '', {
    about: "Access token of the Hugging Face Hub; sent to the Hub's own host only.",
    isSecret: true,
  }),
  hubEndpoint: row('HF_ENDPOINT', serviceAddress(), 'https://huggingface.co', {
    flag: '--hub <address>',
    about: 'Address of the Hub or of a mirror.',
  }),
  hubCache: row('HF_HOME', path(home), join(home, '.cache', 'huggingface'), {
    about: 'Cache of the Python tools; files found there are not fetched again. It is only read.',
  }),
  hubOffline: row('HF_HUB_OFFLINE', yesOrNo(), false, {
    flag: '--offline',
    about: 'Never ask the Hub.',
  }),
  loggingUrl: row('LOGGING_URL', webAddress(), '', {
    about: 'Where each finished answer in a chat is POSTed; without it nothing is logged anywhere.',
  }),
  loggingSecret: row('LOGGING_SECRET', secret(8), '', {
    about: 'Secret that signs what is POSTed (Standard Webhooks).',
    isSecret: true,
  }),
  loggingMode: row('LOGGING_MODE', choice(['full', 'metadata', 'off']), 'full', {
    about: 'full sends the messages, metadata everything but their text, off nothing.',
  }),
  loggingTemporary: row('LOGGING_TEMPORARY', yesOrNo(), false, {
    about: 'Send temporary chats too; the page then says so.',
  }),
  loggingMaxBytes: row('LOGGING_MAX_BYTES', byteSize(), 1024 ** 3, {
    about: 'How much may wait for delivery, in bytes.',
  }),
  loggingMaxDays: row('LOGGING_MAX_DAYS', wholeNumber(1, 365), 30, {
    about: 'How long an undelivered event is kept.',
  }),
  loggingWhenFull: row('LOGGING_WHEN_FULL', choice(['drop-oldest', 'block']), 'drop-oldest', {
    about: 'What gives way when too much waits: the oldest events, or new answers.',
  }),
  llamaFolder: row('CORRAL_LLAMA_DIR', path(home), '', {
    flag: '--llama-dir <folder>',
    about: 'Folder with your own build of the llama.cpp libraries.',
  }),
  contextTokens: row('CORRAL_CONTEXT', wholeNumber(256, 1_048_576), 8192, {
    flag: '--context <tokens>',
    about:
      "Tokens of context of a chat that asks for no other number; the model's own limit holds where it is less.",
  }),
  slots: row('CORRAL_SLOTS', wholeNumber(1, 64), 4, {
    flag: '--slots <number>',
    about: 'How many answers one model writes at the same time.',
  }),
  threads: row('CORRAL_THREADS', wholeNumber(0, 512), 0, {
    flag: '--threads <number>',
    about:
      'How many threads may compute at most, never more than the machine has; 0: as many as are worth it.',
  }),
  kvType: row('CORRAL_KV_TYPE', choice(['f16', 'q8_0']), 'f16', {
    about: 'Number format of the KV cache; q8_0 halves its memory and is slower on a CPU.',
  }),
  kvBudgetBytes: row('CORRAL_KV_BUDGET', byteSize(), 4 * 1024 ** 3, {
    about: 'Disk that KV snapshots of chats may take; 0 keeps none.',
  }),
  idleMinutes: row('CORRAL_IDLE_MINUTES', wholeNumber(0, 10_080), 10, {
    about: 'A model nobody used for so long leaves the memory; 0 keeps it.',
  }),
  gpu: row('CORRAL_GPU', choice(['auto', 'off', 'cuda', 'vulkan']), 'auto', {
    about: 'Which GPU library to use; naming one is the consent to fetch it.',
  }),
  outboundHosts: row<readonly string[]>('CORRAL_OUTBOUND_HOSTS', hostNames(), [], {
    about: 'Hosts on private networks that Corral may call (a Hub mirror, a log sink, a TGI of your own).',
  }),
  httpsProxy: row('HTTPS_PROXY', proxyAddress(), '', {
    about: 'Proxy through which https addresses are asked.',
    isSecret: true,
  }),
  httpProxy: row('HTTP_PROXY', proxyAddress(), '', {
    about: 'Proxy for plain http addresses, and for https ones where HTTPS_PROXY is not set.',
    isSecret: true,
  }),
  noProxy: row<readonly string[]>('NO_PROXY', hostList(), [], {
    about: 'Hosts (host, host:port, .suffix or *) asked without a proxy, besides this machine itself.',
  }),
  trashDays: row('CORRAL_TRASH_DAYS', wholeNumber(1, 3650), 30, {
    about: 'How long what was deleted can be brought back.',
  }),
} as const;

export type Settings = typeof settings;
export type SettingName = keyof Settings;
export type SettingValue<Name extends SettingName> = Settings[Name]['default'];
export const settingNames = Object.keys(settings) as SettingName[];
