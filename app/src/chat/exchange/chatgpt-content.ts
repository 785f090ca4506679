import { z } from 'zod';
import { listOf } from './list-of.ts';

/** Of what is no text only what is asked for, so that a kind of part that is new costs no chat. */
const partSchema = z.union([
  z.string(),
  z
    .object({
      content_type: z.string().optional().catch(undefined),
      text: z.string().optional().catch(undefined),
    })
    .catch({}),
]);
type Part = z.infer<typeof partSchema>;

export const contentSchema = z.object({
  content_type: z.string().optional(),
  parts: listOf(partSchema).optional(),
  text: z.string().optional(),
});

/** Parts of voice conversations that are the sound of a transcription beside them. */
const recordings: readonly unknown[] = ['audio_asset_pointer', 'real_time_user_audio_video_asset_pointer'];

/** Words typed and spoken, with a placeholder for each attachment. */
export function textOf({ content_type: type, parts, text = '' }: z.infer<typeof contentSchema>): string {
  if (parts === undefined) return type === 'code' ? `\`\`\`\n${text}\n\`\`\`` : text;
  const isTranscribed = parts.some((part) => typeof part !== 'string' && wordsOf(part) !== undefined);
  return parts
    .filter((part) => !isTranscribed || typeof part === 'string' || !recordings.includes(part.content_type))
    .map((part) => wordsOf(part) ?? '[an attachment that was not imported]')
    .join('\n')
    .trim();
}

function wordsOf(part: Part): string | undefined {
  if (typeof part === 'string') return part;
  return part.content_type === 'audio_transcription' ? part.text : undefined;
}
