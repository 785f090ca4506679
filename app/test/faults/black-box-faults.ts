import { setTimeout as pause } from 'node:timers/promises';
import type { ShownJob } from '../../src/contracts/api/jobs.ts';
import type { Act } from '../hub/misbehaviour.ts';
import type { BlackBox } from './black-box.ts';
import { halfOpenClients, slowClients } from './hostile-clients.ts';

const patienceMs = 120_000;

/** Each does its harm while people go on talking, and takes it back. */
export const faults: Record<string, (box: BlackBox) => Promise<void>> = {
  async 'kill -9'(box) {
    await pause(box.random.next() * 800);
    await box.server.kill();
    await box.restart();
  },
  async 'SIGTERM and start'(box) {
    const { code } = await box.server.stop();
    if (code !== 0) throw new Error(`the server ended with ${code}`);
    await box.restart();
  },
  async 'SIGSTOP and SIGCONT'(box) {
    box.server.signal('SIGSTOP');
    await pause(1500);
    box.server.signal('SIGCONT');
  },
  async 'a crashing engine'(box) {
    process.kill(await box.server.waitForEngine(patienceMs), 'SIGKILL');
  },
  async 'an engine that hangs'(box) {
    const pid = await box.server.waitForEngine(patienceMs);
    process.kill(pid, 'SIGSTOP');
    // Found silent, ended and replaced by the server alone.
    for (const until = performance.now() + patienceMs; box.server.engines().includes(pid);) {
      if (performance.now() > until) throw new Error('the hung engine is still there');
      await pause(200);
    }
  },
  async 'closed sockets'(box) {
    const before = box.network.cuts;
    box.network.tear(400);
    while (box.network.cuts < before + 20) await pause(50);
    box.network.tear(null);
  },
  async 'slow and half-open clients'(box) {
    const slow = slowClients(box.server.address, 60);
    const halfOpen = halfOpenClients(box.server.address, '/api/export', 30);
    try {
      await box.driver.progress(1, patienceMs);
    } finally {
      slow.close();
      halfOpen.close();
    }
  },
  async 'a disk that reports errors'(box) {
    box.server.limitFileSize(4096);
    await pause(1500);
    box.server.limitFileSize('unlimited');
  },
  async 'a dead log sink'(box) {
    box.sink.behave((response) => void (box.random.next() < 0.5 ? response.destroy() : undefined));
    await box.driver.progress(2, patienceMs);
    box.sink.behave((response) => response.end());
  },
  async 'clock jumps'(box) {
    const hour = 3_600_000;
    // A day at most: what waits longer than LOGGING_MAX_DAYS is given up by design.
    for (const offset of [-hour, 26 * hour, 0]) {
      box.server.jumpClock(offset);
      await box.driver.progress(1, patienceMs);
    }
  },
  async 'a misbehaving Hub'(box) {
    const reference = await box.newModel();
    const act = hubActs[Math.floor(box.random.next() * hubActs.length)] ?? { kind: 'corrupt' };
    box.hub.misbehave({ match: act.kind === 'json' ? /^hub/ : /gguf|^store/, act });
    const { id } = await box.client.call<ShownJob>('POST', '/api/pulls', { reference });
    await box.driver.progress(1, patienceMs);
    box.hub.behave();
    const first = await endOfJob(box, id);
    // A Hub that lies costs at most another try; what it gave instead is not kept.
    if (first.state !== 'done') {
      if (first.error?.code === 'internal') throw new Error(`${act.kind}: ${JSON.stringify(first.error)}`);
      await box.client.pull(reference);
    }
    console.log(`a Hub that does ${act.kind}: ${first.state} ${first.error?.code ?? ''}`);
  },
};

const hubActs: Act[] = [
  { kind: 'truncate', afterBytes: 3000 },
  { kind: 'short-length', bytes: 2000 },
  { kind: 'corrupt' },
  { kind: 'status', status: 503 },
  { kind: 'json', body: { siblings: 'none' } },
  // It goes on dripping what it began: the header and then the file, in some seconds each.
  { kind: 'drip', bytes: 10_000, everyMs: 300 },
];

async function endOfJob(box: BlackBox, id: string): Promise<ShownJob> {
  for (const until = performance.now() + patienceMs; ;) {
    const job = await box.client.call<ShownJob>('GET', `/api/jobs/${encodeURIComponent(id)}`);
    if (job.state !== 'waiting' && job.state !== 'working') return job;
    if (performance.now() > until) throw new Error(`the pull goes on for ever: ${JSON.stringify(job)}`);
    await pause(100);
  }
}
