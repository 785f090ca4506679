import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AppError } from '../contracts/app-error.ts';
import { loadConfig } from './load-config.ts';

let root: string;
let home: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'corral-config-'));
  home = join(root, 'home');
  mkdirSync(home);
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const load = (environment: Record<string, string>, flags = {}) =>
  loadConfig({ root, flags, environment: { CORRAL_HOME: home, ...environment } });

function problemsOf(environment: Record<string, string>): string[] {
  try {
    load(environment);
  } catch (error) {
    expect(error).toBeInstanceOf(AppError);
    expect((error as AppError).code).toBe('config-invalid');
    return (error as AppError).details?.['problems'] as string[];
  }
  throw new Error('the configuration was accepted');
}

describe('loadConfig', () => {
  it('has working defaults', () => {
    const config = load({});
    expect(config).toMatchObject({ host: '127.0.0.1', port: 7860, model: 'cria', slots: 4 });
    expect(config.sources.port).toBe('default');
    expect(Object.isFrozen(config)).toBe(true);
  });

  it('lets flags win over environment over .env over the file', () => {
    writeFileSync(join(root, 'corral.config.json'), '{"port": 1001, "slots": 2, "title": "file"}');
    writeFileSync(join(home, '.env'), 'PORT=1002\nCORRAL_TITLE=home\n');
    writeFileSync(join(root, '.env'), 'PORT=1003\nCORRAL_DESCRIPTION="a # b"\n');
    expect(load({})).toMatchObject({ port: 1003, slots: 2, title: 'home', description: 'a # b' });
    expect(load({ PORT: '1004' }).port).toBe(1004);
    const config = load({ PORT: '1004' }, { port: '1005' });
    expect(config.port).toBe(1005);
    expect(config.sources).toMatchObject({
      port: 'flag',
      slots: 'file',
      title: 'home .env',
      description: '.env',
    });
  });

  it('leaves the settings of the clone alone where a test names a folder of its own', () => {
    writeFileSync(join(root, 'corral.config.json'), '{"title": "file"}');
    writeFileSync(join(root, '.env'), 'DATABASE_URL=postgres://corral@db.example/chats\n');
    const config = load({ CORRAL_TEST_SETTINGS: join(home, 'none') });
    expect(config.sources).toMatchObject({ title: 'default', databaseUrl: 'default' });
    expect(load({}).sources).toMatchObject({ title: 'file', databaseUrl: '.env' });
  });

  it('lists every problem at once, each with the value seen and the allowed form', () => {
    writeFileSync(join(root, '.env'), 'PROT=8080\nHF_TOKEN=x\n');
    const problems = problemsOf({
      PORT: '99999',
      CORRAL_FEEDBACK: 'perhaps',
      CORRAL_SLOT: '3',
      LOGGING_MODE: 'loud',
    });
    expect(problems).toEqual([
      '.env has the unknown key PROT; did you mean PORT?',
      'environment has the unknown key CORRAL_SLOT; did you mean CORRAL_SLOTS?',
      'PORT (environment) is "99999"; allowed: a whole number from 0 to 65535',
      'CORRAL_FEEDBACK (environment) is "perhaps"; allowed: true or false',
      'HF_TOKEN (.env) is (hidden); allowed: 4 to 4096 letters, digits and signs of ASCII, without spaces',
      'LOGGING_MODE (environment) is "loud"; allowed: full, metadata, off',
    ]);
  });

  it.each([
    ['LOGGING_URL', 'https://bob:geheim@collector.example/turns?token=geheim'],
    ['HF_ENDPOINT', 'https://geheim@hub.example'],
    ['CORRAL_PROVIDER_LAB_URL', 'https://bob:geheim@lab.example/v1'],
    ['CORRAL_PROVIDER_LAB_URL', 'bob:geheim@lab.example/v1?key=geheim'],
    ['CORRAL_PROVIDER_LAB_URL', 'https://bob:geh@eim/geheim@lab.example/v1'],
  ])('refuses a name or password in %s, and prints none of it', (variable, value) => {
    const [problem = ''] = problemsOf({ [variable]: value });
    expect(problem).toContain('without name and password');
    expect(problem).toContain('.example');
    expect(problem).not.toMatch(/bob|geh/);
  });

  it.each(['a-key-of-15-chr', 'schlüssel-für-alle-leute', 'with a blank in it', 'k'.repeat(513)])(
    'refuses an access key that the page or a program could not send: %j',
    (key) => {
      expect(problemsOf({ CORRAL_ACCESS_KEY: key })).toEqual([
        'CORRAL_ACCESS_KEY (environment) is (hidden); allowed: 16 to 512 letters, digits and signs of ASCII, without spaces',
      ]);
    },
  );

  it.each(['HF_TOKEN', 'CORRAL_PROVIDER_LAB_KEY'])(
    'refuses in %s what no request could carry, and prints none of it',
    (variable) => {
      for (const value of ['sk-••••1234', 'sk-ab\u200bc', 'sk-a\nb']) {
        const problems = problemsOf({ CORRAL_PROVIDER_LAB_URL: 'https://lab.example/v1', [variable]: value });
        expect(problems).toEqual([
          expect.stringMatching(RegExp(`^${variable}.* is \\(hidden\\); allowed: .*ASCII`)),
        ]);
      }
    },
  );

  it.each([
    'https://chat.example.lan',
    'chat.example.lan/',
    '*.example.lan',
    '.example.lan',
    'chät.lan',
    'localhost, 10.0.0.5:port',
  ])('refuses %s as a host: no request is for one of that name', (value) => {
    expect(problemsOf({ CORRAL_ALLOWED_HOSTS: value, CORRAL_OUTBOUND_HOSTS: value })).toEqual([
      expect.stringContaining(
        `CORRAL_ALLOWED_HOSTS (environment) is "${value}"; allowed: names or addresses of hosts`,
      ),
      expect.stringContaining(
        `CORRAL_OUTBOUND_HOSTS (environment) is "${value}"; allowed: names or addresses of hosts`,
      ),
    ]);
  });

  it('reads a key with a line break behind it, as a file has one', () => {
    const [provider] = load({
      CORRAL_PROVIDER_LAB_URL: 'https://lab.example/v1',
      CORRAL_PROVIDER_LAB_KEY: 'sk-abc\n',
    }).providers;
    expect(provider?.key).toBe('sk-abc');
  });

  it('leaves foreign variables of the environment alone', () => {
    expect(load({ PATH: '/bin', EDITOR: 'vi' }).port).toBe(7860);
  });

  it('refuses a configuration file that is not a JSON object', () => {
    writeFileSync(join(root, 'corral.config.json'), '[1]');
    expect(problemsOf({})[0]).toContain('is not a JSON object');
  });

  it('lists settings files that are there and cannot be read with all other problems', () => {
    mkdirSync(join(root, '.env'));
    mkdirSync(join(root, 'corral.config.json'));
    mkdirSync(join(home, '.env'));
    expect(problemsOf({ PORT: 'many' })).toEqual([
      `${join(root, 'corral.config.json')} cannot be read: it is a folder`,
      `${join(root, '.env')} cannot be read: it is a folder`,
      `${join(home, '.env')} cannot be read: it is a folder`,
      'PORT (environment) is "many"; allowed: a whole number from 0 to 65535',
    ]);
  });

  it('refuses to be reachable by others without an access key', () => {
    expect(problemsOf({ HOST: '0.0.0.0' })[0]).toContain('CORRAL_ACCESS_KEY');
    expect(load({ HOST: '0.0.0.0', CORRAL_ACCESS_KEY: 'a-key-of-16-chars-or-more' }).host).toBe('0.0.0.0');
    expect(load({ HOST: 'localhost' }).host).toBe('localhost');
  });

  it('refuses a certificate that plain http would leave unused', () => {
    const given = { CORRAL_TLS_CERTIFICATE: 'cert.pem', CORRAL_TLS_KEY: 'key.pem' };
    expect(problemsOf(given)).toEqual([expect.stringContaining('set CORRAL_HTTPS=true as well')]);
    expect(load({ ...given, CORRAL_HTTPS: 'true' }).https).toBe(true);
  });

  it.each([
    ['CORRAL_KV_BUDGET', '8G', 'kvBudgetBytes', 8 * 1024 ** 3],
    ['CORRAL_KV_BUDGET', '1.5 GiB', 'kvBudgetBytes', 1.5 * 1024 ** 3],
    ['CORRAL_KV_BUDGET', '0', 'kvBudgetBytes', 0],
    ['CORRAL_ACCESS_KEY', 'k'.repeat(512), 'accessKey', 'k'.repeat(512)],
    ['CORRAL_HTTPS', 'yes', 'https', true],
    ['HF_ENDPOINT', 'http://hub.lan:8080/', 'hubEndpoint', 'http://hub.lan:8080'],
    ['LOGGING_URL', 'https://sink.example/hook/', 'loggingUrl', 'https://sink.example/hook/'],
    ['LOGGING_URL', 'https://sink.example/hook?k=abc/', 'loggingUrl', 'https://sink.example/hook?k=abc/'],
    ['CORRAL_ALLOWED_HOSTS', 'a.example, B.example.', 'allowedHosts', ['a.example', 'B.example.']],
    ['CORRAL_OUTBOUND_HOSTS', '10.0.0.5:80,[fd00::5]:80', 'outboundHosts', ['10.0.0.5:80', '[fd00::5]:80']],
    ['CORRAL_OUTBOUND_HOSTS', 'fd00::5,gpu_box', 'outboundHosts', ['fd00::5', 'gpu_box']],
    ['HUGGINGFACEHUB_API_TOKEN', 'hf_abc', 'hubToken', 'hf_abc'],
    ['HTTP_PROXY', 'proxy.example.com:3128', 'httpProxy', 'http://proxy.example.com:3128'],
    ['HTTP_PROXY', 'bob:pass@proxy.example.com:3128', 'httpProxy', 'http://bob:pass@proxy.example.com:3128'],
    ['https_proxy', 'socks5://127.0.0.1:1080/', 'httpsProxy', 'socks5://127.0.0.1:1080'],
    ['NO_PROXY', 'localhost 127.0.0.1, .lab', 'noProxy', ['localhost', '127.0.0.1', '.lab']],
    ['NO_PROXY', ',', 'noProxy', []],
  ])('reads %s=%s', (variable, value, name, wanted) => {
    expect(load({ [variable]: value })).toMatchObject({ [name]: wanted });
  });

  it.each([
    { HF_TOKEN: 'hf_own', HUGGING_FACE_HUB_TOKEN: 'hf_other', HUGGINGFACEHUB_API_TOKEN: 'hf_third' },
    { HUGGINGFACEHUB_API_TOKEN: 'hf_third', HUGGING_FACE_HUB_TOKEN: 'hf_other', HF_TOKEN: 'hf_own' },
  ])('hears the name itself before the names that other tools know it by: %j', (variables) => {
    expect(load(variables).hubToken).toBe('hf_own');
    const { HF_TOKEN: _own, ...others } = variables;
    expect(load(others).hubToken).toBe('hf_other');
  });

  it('knows providers by the name in the variable, and hf by the Hub token', () => {
    const config = load({
      HF_TOKEN: 'hf_abc',
      CORRAL_PROVIDER_GPU_BOX_URL: 'http://gpu:8000/v1/',
      CORRAL_PROVIDER_GPU_BOX_KEY: 'k',
      CORRAL_PROVIDER_TEXT_URL: 'http://tgi:80',
      CORRAL_PROVIDER_TEXT_KIND: 'tgi',
    });
    expect(config.providers).toEqual([
      { name: 'hf', kind: 'huggingface', url: 'https://router.huggingface.co', key: 'hf_abc' },
      { name: 'gpu-box', kind: 'openai', url: 'http://gpu:8000/v1', key: 'k' },
      { name: 'text', kind: 'tgi', url: 'http://tgi:80', key: '' },
    ]);
    // The Hub's token is the Hub's: another address of the same kind has a key of its own or none.
    const kinds = load({
      HF_TOKEN: 'hf_abc',
      CORRAL_PROVIDER_ROUTER_KIND: 'huggingface',
      CORRAL_PROVIDER_MIRROR_KIND: 'huggingface',
      CORRAL_PROVIDER_MIRROR_URL: 'https://mirror.example',
    }).providers;
    expect(kinds.map(({ name, key }) => [name, key])).toEqual([
      ['hf', 'hf_abc'],
      ['router', 'hf_abc'],
      ['mirror', ''],
    ]);
    expect(problemsOf({ CORRAL_PROVIDER_LAB_KIND: 'ollama' })).toEqual([
      'CORRAL_PROVIDER_LAB_KIND is "ollama"; allowed: huggingface, tgi, openai',
      'CORRAL_PROVIDER_LAB_URL is missing; allowed: an http:// or https:// address without name and password, ? and #',
    ]);
    // Another token for inference than for downloads.
    expect(load({ HF_TOKEN: 'hf_abc', CORRAL_PROVIDER_HF_KEY: 'hf_new' }).providers).toEqual([
      { name: 'hf', kind: 'huggingface', url: 'https://router.huggingface.co', key: 'hf_new' },
    ]);
    expect(problemsOf({ CORRAL_PROVIDER_LAB_URL: 'https://lab.example/v1#geheim' })[0]).not.toContain(
      'geheim',
    );
    expect(problemsOf({ CORRAL_PROVIDER_LAB_URL: 'https://lab.example/v1?key=geheim' })).toEqual([
      'CORRAL_PROVIDER_LAB_URL is "https://lab.example/v1?••••"; allowed: an http:// or https:// address without name and password, ? and #',
    ]);
  });
});
