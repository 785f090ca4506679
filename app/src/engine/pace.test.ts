import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PaceMeter } from './pace.ts';

describe('the pace of an answer', () => {
  it('says how many tokens came in each quarter of a second', () => {
    const meter = new PaceMeter();
    for (let at = 0; at < 2000; at += 50) meter.count(at < 1000 ? 4 : 1, 7000 + at);
    expect(meter.shown().pace).toEqual({ partMs: 250, tokens: [20, 20, 20, 20, 5, 5, 5, 5] });
  });

  it('is left out where the answer was short', () => {
    const meter = new PaceMeter();
    meter.count(1, 5);
    meter.count(9, 700);
    expect(meter.shown()).toEqual({});
  });

  it('holds every token in at most sixty stretches, however long the answer is and wherever it waited', () => {
    const steps = fc.array(fc.record({ tokens: fc.nat(50), later: fc.integer({ min: 0, max: 3e6 }) }));
    fc.assert(
      fc.property(steps, fc.integer({ min: 1, max: 1e9 }), (all, startedAt) => {
        const meter = new PaceMeter();
        let now = startedAt;
        meter.count(1, now);
        for (const { tokens, later } of all) meter.count(tokens, (now += later));
        const { pace } = meter.shown();
        if (pace === undefined) return;
        expect(pace.tokens.length).toBeLessThanOrEqual(60);
        expect(pace.tokens.reduce((sum, count) => sum + count, 0)).toBe(
          1 + all.reduce((sum, { tokens }) => sum + tokens, 0),
        );
        expect((pace.tokens.length - 1) * pace.partMs).toBeLessThanOrEqual(now - startedAt);
      }),
    );
  });
});
