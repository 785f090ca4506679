import { vi } from 'vitest';
import { faults } from './black-box-faults.ts';
import { blackBoxTest } from './black-box-rounds.ts';

vi.setConfig({ testTimeout: 600_000 });

// The gate asks the same of every change; the long form finds new seeds.
blackBoxTest('every fault once', () => Object.keys(faults), 1);
