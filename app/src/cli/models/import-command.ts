import type { ShownJob } from '../../contracts/api/jobs.ts';
import { modelRoutes } from '../../contracts/api/models.ts';
import { formatBytes } from '../../lib/format-bytes.ts';
import { pathReference } from '../../models/reference.ts';
import type { Command } from '../command.ts';
import { absoluteReference } from './absolute-reference.ts';
import { followJob } from './follow-job.ts';

export const importCommand: Command = {
  name: 'import',
  arguments: [
    { name: '<path>', about: 'a .gguf file, or a folder with the files of a Hugging Face repository' },
  ],
  about: 'Take a model of this machine: a GGUF file after a strict check, or a folder that is converted.',
  options: [
    { flags: '--name <name>', about: 'its name in the list; the name of the file or folder otherwise' },
    { flags: '--quant <type>', about: 'quantisation of a folder that is converted; q4_k_m otherwise' },
  ],
  async run(context, input) {
    const api = await context.api();
    const { name, quant } = input.options;
    const [path = ''] = input.arguments;
    const body = {
      path: absoluteReference(pathReference(path)),
      ...(name === undefined ? {} : { name: String(name) }),
      ...(quant === undefined ? {} : { quantisation: String(quant) }),
    };
    const job = await api.request<ShownJob>(modelRoutes.import.method, modelRoutes.import.path, { body });
    const model = await followJob(context, job, path);
    if (model !== null) context.output.line(`${model.id} is ready (${formatBytes(model.sizeBytes)}).`);
    context.output.json({ model });
  },
};
