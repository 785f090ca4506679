// Loaded before the server by a test: its clock can be set from outside, by a number of milliseconds in a file and SIGUSR2.
import { readFileSync } from 'node:fs';

const RealDate = Date;
let offsetMs = 0;

process.on('SIGUSR2', () => {
  offsetMs = Number(readFileSync(process.env['JUMPING_CLOCK_FILE'] ?? '', 'utf8'));
});

globalThis.Date = class extends RealDate {
  /** @param {unknown[]} values */
  constructor(...values) {
    // @ts-expect-error -- as many values as the real one takes
    super(...(values.length === 0 ? [RealDate.now() + offsetMs] : values));
  }

  static now() {
    return RealDate.now() + offsetMs;
  }
};
