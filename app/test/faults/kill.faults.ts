import { killTest } from './kill-rounds.ts';

killTest(Number(process.env['KILL_ROUNDS'] ?? 2000));
