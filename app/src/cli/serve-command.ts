import { openBrowser } from './open-browser.ts';
import type { Command, Serving } from './command.ts';

/** Resolves at the first signal to stop. */
function stopped(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

function shouldOpen(serving: Serving, wanted: unknown): boolean {
  return wanted === true || (wanted === undefined && serving.isFirstStart);
}

export const serveCommand: Command = {
  name: 'serve',
  about: 'Start the server and its page (npm start).',
  options: [{ flags: '--open', about: 'open the page in a browser; done unasked at the first start' }],
  settings: 'all',
  async run({ config, output, corral, signal }, { options }) {
    const serving = await corral.serve(config, () =>
      output.note('The server before this one is still stopping …'),
    );
    output.line(`${output.style('bold', config.title)} answers at ${output.style('bold', serving.address)}`);
    output.line(output.style('dim', 'Ctrl-C stops it; answers being written go on at the next start.'));
    output.json({ address: serving.address });
    if (shouldOpen(serving, options['open'])) openBrowser(serving.address);
    await stopped(signal);
    await serving.close();
  },
};
