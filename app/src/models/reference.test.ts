import { describe, expect, it } from 'vitest';
import { AppError } from '../contracts/app-error.ts';
import { formatReference, type ModelReference, namesPath, parseReference } from './reference.ts';

const providers = ['hf', 'team'];
const commit = '0123456789abcdef0123456789abcdef01234567';

const hub = (id: string, rest: Partial<Extract<ModelReference, { kind: 'hub' }>> = {}): ModelReference => ({
  kind: 'hub',
  repository: { id },
  adapters: [],
  ...rest,
});
const adapter = (id: string, weight = 1, revision?: string) => ({
  kind: 'hub' as const,
  repository: revision === undefined ? { id } : { id, revision },
  weight,
});
const local = (
  path: string,
  rest: Partial<Extract<ModelReference, { kind: 'local' }>> = {},
): ModelReference => ({
  kind: 'local',
  path,
  adapters: [],
  ...rest,
});

const examples: [text: string, parsed: ModelReference, canonical?: string][] = [
  ['cria', { kind: 'name', name: 'cria' }],
  ['cria:f16', { kind: 'name', name: 'cria', tag: 'f16' }],
  ['  cria\n', { kind: 'name', name: 'cria' }, 'cria'],
  ['meta-llama/Llama-2-7b-chat-hf', hub('meta-llama/Llama-2-7b-chat-hf')],
  ['tiiuae/falcon-7b-instruct:q5_k_m', hub('tiiuae/falcon-7b-instruct', { tag: 'q5_k_m' })],
  ['owner/name:Q4_K_M', hub('owner/name', { tag: 'q4_k_m' }), 'owner/name:q4_k_m'],
  ['owner/name-GGUF:IQ2_XXS', hub('owner/name-GGUF', { tag: 'IQ2_XXS' })],
  ['owner/name-GGUF:UD-Q4_K_XL', hub('owner/name-GGUF', { tag: 'UD-Q4_K_XL' })],
  ['owner/name@main', hub('owner/name', { repository: { id: 'owner/name', revision: 'main' } })],
  [`owner/name@${commit}`, hub('owner/name', { repository: { id: 'owner/name', revision: commit } })],
  ['owner/name@refs/pr/7', hub('owner/name', { repository: { id: 'owner/name', revision: 'refs/pr/7' } })],
  [
    'owner/name@v1.0:q8_0',
    hub('owner/name', { repository: { id: 'owner/name', revision: 'v1.0' }, tag: 'q8_0' }),
  ],
  [
    'huggyllama/llama-7b+timdettmers/guanaco-7b',
    hub('huggyllama/llama-7b', { adapters: [adapter('timdettmers/guanaco-7b')] }),
  ],
  [
    'huggyllama/llama-7b+timdettmers/guanaco-7b:q4_k_m',
    hub('huggyllama/llama-7b', { adapters: [adapter('timdettmers/guanaco-7b')], tag: 'q4_k_m' }),
  ],
  [
    'a/base@r1+b/one@r2*0.5+c/two*-1.25:bf16',
    hub('a/base', {
      repository: { id: 'a/base', revision: 'r1' },
      adapters: [adapter('b/one', 0.5, 'r2'), adapter('c/two', -1.25)],
      tag: 'bf16',
    }),
  ],
  ['a/base+b/one*1', hub('a/base', { adapters: [adapter('b/one')] }), 'a/base+b/one'],
  [
    'a/base+./adapter:f32',
    hub('a/base', { adapters: [{ kind: 'local', path: './adapter', weight: 1 }], tag: 'f32' }),
  ],
  ['timdettmers/guanaco-7b', hub('timdettmers/guanaco-7b')],
  ['owner/name/model-Q4_K_M.gguf', hub('owner/name', { file: 'model-Q4_K_M.gguf' })],
  ['owner/name/sub/model.gguf', hub('owner/name', { file: 'sub/model.gguf' })],
  [
    'owner/name@v2/model.gguf',
    hub('owner/name', { repository: { id: 'owner/name', revision: 'v2' }, file: 'model.gguf' }),
  ],
  ['./models/x.gguf', local('./models/x.gguf')],
  ['x.gguf', local('x.gguf')],
  ['/srv/models/llama:q4_0', local('/srv/models/llama', { tag: 'q4_0' })],
  ['/srv/with:colon/llama', local('/srv/with:colon/llama')],
  ['~/llama+~/adapter*2', local('~/llama', { adapters: [{ kind: 'local', path: '~/adapter', weight: 2 }] })],
  ['..', local('..')],
  ['hf:tiiuae/falcon-7b-instruct', { kind: 'provider', provider: 'hf', model: 'tiiuae/falcon-7b-instruct' }],
  ['team:llama3:8b', { kind: 'provider', provider: 'team', model: 'llama3:8b' }],
  ['https://huggingface.co/owner/name', hub('owner/name'), 'owner/name'],
  [
    'https://huggingface.co/owner/name/tree/dev',
    hub('owner/name', { repository: { id: 'owner/name', revision: 'dev' } }),
    'owner/name@dev',
  ],
  [
    'https://huggingface.co/owner/name/blob/main/x.gguf?download=true',
    hub('owner/name', { file: 'x.gguf' }),
    'owner/name/x.gguf',
  ],
  ['hf.co/owner/name:Q8_0', hub('owner/name', { tag: 'q8_0' }), 'owner/name:q8_0'],
];

const refused = [
  '',
  ' ',
  'a'.repeat(3000),
  'hf:',
  'owner/',
  'owner/na me',
  'owner/../name',
  'owner/..',
  'owner/a..b',
  'owner/name/other',
  'owner/name@',
  'owner/name@../x',
  'owner/name@a b',
  'owner/name:',
  'owner/name:q4 k m',
  'owner/name+',
  'owner/name+adapter',
  'owner/name+b/one*',
  'owner/name+b/one*0',
  'owner/name+b/one*1e9',
  'owner/name+b/one*NaN',
  `owner/name${'+b/one'.repeat(9)}`,
  'owner/name/x.gguf+b/one',
  'owner/name/x.gguf:q4_0',
  'owner/name/..%2fx.gguf',
  'owner/name/../x.gguf',
  'owner/name/a\\b.gguf',
  'owner/name/\u0000.gguf',
  'name+b/one',
  'ｏwner/name',
  '-owner/name',
  'ftp://huggingface.co/owner/name',
  'https://huggingface.co.evil.example/owner/name',
  'https://huggingface.co/owner/name/discussions/1',
];

describe('references', () => {
  it.each(examples)('%s', (text, parsed, canonical) => {
    const reference = parseReference(text, { providers });
    expect(reference).toEqual(parsed);
    expect(formatReference(reference)).toBe(canonical ?? text);
    expect(parseReference(formatReference(reference), { providers })).toEqual(parsed);
  });

  it.each(refused)('refuses %j', (text) => {
    let error: unknown;
    try {
      parseReference(text, { providers });
    } catch (caught) {
      error = caught;
    }
    expect(error).toBeInstanceOf(AppError);
    expect((error as AppError).code).toBe('model-reference-invalid');
  });

  it('says which provider is not set up', () => {
    expect(() => parseReference('unknown:owner/name', { providers: ['hf'] })).toThrow(
      expect.objectContaining({
        code: 'provider-unknown',
        message: expect.stringContaining('There are: hf.'),
      }),
    );
  });

  it('takes a word before a colon as a provider only when it is configured and stands before any slash', () => {
    expect(parseReference('hf:q8_0').kind).toBe('name');
    expect(parseReference('team/hf:q8_0', { providers })).toEqual(hub('team/hf', { tag: 'q8_0' }));
  });

  it.each([
    ['./x', true],
    [' /srv/x:q4_0', true],
    ['x.gguf', true],
    ['owner/base+./adapter', true],
    ['owner/base+owner/one+~/two*0.5:q8_0', true],
    ['~/base+owner/adapter', true],
    ['owner/base+owner/adapter', false],
    ['owner/name/x.gguf', false],
    ['hf:owner/name', false],
    ['cria', false],
    ['owner/../name', false],
  ])('%s names a path of this machine: %s', (text, expected) => {
    expect(namesPath(text)).toBe(expected);
  });
});
