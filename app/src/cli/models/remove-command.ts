import { modelRoutes } from '../../contracts/api/models.ts';
import { formatBytes } from '../../lib/format-bytes.ts';
import type { RemoveResult } from '../../models/models.ts';
import type { Command } from '../command.ts';
import { absoluteReference } from './absolute-reference.ts';

export const removeCommand: Command = {
  name: 'rm',
  arguments: [{ name: '<reference...>', about: 'models of the list, or of pulls that were not finished' }],
  about: 'Remove models from disk; files that another model needs stay.',
  async run(context, input) {
    const { output } = context;
    const api = await context.api();
    const { method, path } = modelRoutes.remove;
    const results: RemoveResult[] = [];
    for (const reference of input.arguments) {
      const result = await api.request<RemoveResult>(
        method,
        path.replace(':model', encodeURIComponent(absoluteReference(reference))),
      );
      output.line(`${result.removed.join(', ')} removed, ${formatBytes(result.freedBytes)} freed`);
      results.push(result);
    }
    output.json({
      removed: results.flatMap(({ removed }) => removed),
      freedBytes: results.reduce((sum, { freedBytes }) => sum + freedBytes, 0),
    });
  },
};
