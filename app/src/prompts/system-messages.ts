import { AppError } from '../contracts/app-error.ts';
import type { PromptMessage } from '../contracts/messages.ts';
import { unusedMarks } from './marked-messages.ts';
import { textOf, type ChatToRender, type PromptSegment } from './segments.ts';

type Render = (chat: ChatToRender) => Promise<PromptSegment[]>;

/**
 * Renders a chat by a template so that no system message is lost. Many templates say the first message of a chat as the
 * system's and leave every other one out without a word, say it only in front of a message of the person, or refuse a
 * chat that has one. Where that is so, all of them are said as one in front, and where that does not help either, in the
 * person's first message. Rejects with `template-failed` where there is none.
 */
export async function renderWithSystem(render: Render, chat: ChatToRender): Promise<PromptSegment[]> {
  if (!chat.messages.some(says)) return render(chat);
  let refusal: AppError | null = null;
  for (const joined of [asItIs(chat), inFront(chat), insideUser(chat)]) {
    if (joined === null) continue;
    try {
      const segments = await render(joined.chat);
      if (!(await leavesOut(render, joined.chat, segments))) return joined.told(segments);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      refusal ??= error;
    }
  }
  if (refusal !== null) throw refusal;
  throw new AppError('template-failed', "The model's chat template leaves the system message out.", {
    hint: 'Choose a built-in prompt format for this chat, or add a message of the person.',
  });
}

const isRefusal = (error: unknown): error is AppError =>
  error instanceof AppError && error.code === 'template-failed';

/**
 * Whether a system message does nothing to the prompt. Those that the template copies have a segment of their own; of the
 * others it may have taken a part or looked for a word, so it is asked what becomes of it when they say something else.
 */
async function leavesOut(
  render: Render,
  chat: ChatToRender,
  segments: readonly PromptSegment[],
): Promise<boolean> {
  const { messages } = chat;
  const text = textOf(segments);
  const copied = new Set(segments.filter(({ special }) => !special).map(({ message }) => message));
  let unsure = [...messages.keys()].filter((index) => says(messages[index]) && !copied.has(index));
  if (unsure.length === 0) return false;
  const marks = unusedMarks([text, ...messages.map(({ content }) => content)], unsure.length);
  // Twice at most: all of them, and then those alone that were not seen.
  for (let round = 0; round < 2 && unsure.length > 0; round++) {
    const markOf = new Map(unsure.map((index, place) => [index, marks[place] ?? '']));
    const other = await textOrRefusal(render, {
      ...chat,
      messages: messages.map((message, index) => ({
        ...message,
        content: markOf.get(index) ?? message.content,
      })),
    });
    if (other === text) return true;
    unsure = other === null ? [] : unsure.filter((index) => !other.includes(markOf.get(index) ?? ''));
  }
  return false;
}

function says(message: PromptMessage | undefined): boolean {
  return message?.role === 'system' && message.content.trim() !== '';
}

/** Null: the template refuses this text, so it has read it. */
async function textOrRefusal(render: Render, chat: ChatToRender): Promise<string | null> {
  try {
    return textOf(await render(chat));
  } catch (error) {
    if (isRefusal(error)) return null;
    throw error;
  }
}

const between = '\n\n';

interface JoinedChat {
  chat: ChatToRender;
  /** Segments of the joined chat, told of the messages that they came from. */
  told(segments: readonly PromptSegment[]): PromptSegment[];
}

const asItIs = (chat: ChatToRender): JoinedChat => ({ chat, told: (segments) => [...segments] });

function inFront({ messages, continueAnswer }: ChatToRender): JoinedChat {
  const { system, others } = sorted(messages);
  return joinedChat(messages, continueAnswer, [
    { role: 'system', members: system },
    ...others.map((index) => ({ role: roleOf(messages, index), members: [index] })),
  ]);
}

/** Null: the person says nothing here. */
function insideUser({ messages, continueAnswer }: ChatToRender): JoinedChat | null {
  const { system, others } = sorted(messages);
  const first = others.find((index) => roleOf(messages, index) === 'user');
  if (first === undefined) return null;
  const membersOf = (index: number): number[] => (index === first ? [...system, index] : [index]);
  return joinedChat(
    messages,
    continueAnswer,
    others.map((index) => ({ role: roleOf(messages, index), members: membersOf(index) })),
  );
}

function roleOf(messages: readonly PromptMessage[], index: number): PromptMessage['role'] {
  return messages[index]?.role ?? 'user';
}

/** System messages of blanks alone are left out, as they say nothing. */
function sorted(messages: readonly PromptMessage[]): { system: number[]; others: number[] } {
  const indices = [...messages.keys()];
  return {
    system: indices.filter((index) => says(messages[index])),
    others: indices.filter((index) => messages[index]?.role !== 'system'),
  };
}

function joinedChat(
  messages: readonly PromptMessage[],
  continueAnswer: boolean,
  groups: readonly { role: PromptMessage['role']; members: readonly number[] }[],
): JoinedChat {
  /** What each member adds. Blanks around the whole are the template's to keep or to drop, so there are none. */
  const textsOf = (members: readonly number[]): string[] =>
    members.length === 1
      ? members.map((index) => messages[index]?.content ?? '')
      : members.map((index, place) => (place > 0 ? between : '') + (messages[index]?.content ?? '').trim());
  const joined = groups.map(({ role, members }) => ({ role, content: textsOf(members).join('') }));
  return {
    chat: {
      messages: joined,
      // An answer that a system message followed is none to go on with.
      continueAnswer: continueAnswer && messages.at(-1)?.role === 'assistant',
    },
    told: (segments) =>
      segments.flatMap((segment) => {
        const members = groups[segment.message ?? -1]?.members ?? [];
        const isWhole = members.length > 1 && segment.text === joined[segment.message ?? -1]?.content.trim();
        if (!isWhole) return [{ ...segment, message: members[0] ?? null }];
        return textsOf(members).map((text, place) => ({ ...segment, text, message: members[place] ?? null }));
      }),
  };
}
