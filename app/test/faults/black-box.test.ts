import { vi } from 'vitest';
import { faults } from './black-box-faults.ts';
import { blackBoxTest } from './black-box-rounds.ts';

vi.setConfig({ testTimeout: 600_000 });

blackBoxTest('every fault once', () => Object.keys(faults));
