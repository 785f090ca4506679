import { vi } from 'vitest';
import { faults } from './black-box-faults.ts';
import { blackBoxTest } from './black-box-rounds.ts';

const rounds = Number(process.env['BLACK_BOX_ROUNDS'] ?? 100);
vi.setConfig({ testTimeout: 900_000 + rounds * 120_000 });

blackBoxTest(`${rounds} faults by chance`, (random) => {
  const names = Object.keys(faults);
  return Array.from({ length: rounds }, () => names[Math.floor(random() * names.length)] ?? '');
});
