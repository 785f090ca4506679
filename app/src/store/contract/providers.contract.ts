import { describe, expect, test } from 'vitest';
import { type ContractParts, expectError } from './parts.contract.ts';

export function providersContract({ store, owner }: ContractParts): void {
  describe('providers', () => {
    test('are kept per owner, replaced by name and forgotten', async () => {
      const me = owner();
      const vllm = { name: 'vllm', kind: 'openai', url: 'http://gpu:8000/v1', sealedKey: null } as const;
      const hf = { name: 'hf', kind: 'huggingface', url: 'https://h.example', sealedKey: 'v1:x' } as const;
      expect(await store().listProviders(me)).toEqual([]);
      await store().saveProvider(me, vllm);
      await store().saveProvider(me, hf);
      expect(await store().listProviders(me)).toEqual([hf, vllm]);
      await store().saveProvider(me, { ...vllm, sealedKey: 'v1:y' });
      expect(await store().listProviders(me)).toEqual([hf, { ...vllm, sealedKey: 'v1:y' }]);
      expect(await store().listProviders(owner())).toEqual([]);
      await expectError(store().deleteProvider(owner(), 'vllm'), 'not-found');
      await store().deleteProvider(me, 'vllm');
      expect(await store().listProviders(me)).toEqual([hf]);
      await expectError(store().deleteProvider(me, 'vllm'), 'not-found');
    });
  });
}
