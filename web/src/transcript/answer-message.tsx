import { memo, useState } from 'react';
import type { ListedModel } from '@corral/app/contracts/api/models';
import {
  Code,
  Columns2,
  Copy,
  Download,
  Ellipsis,
  Pin,
  PinOff,
  ReceiptText,
  RefreshCw,
  ScanSearch,
  Text,
  Trash2,
} from 'lucide-react';
import { useModels, useSystem } from '../api/queries.ts';
import { Lens, openLens } from '../lens/open-lens.tsx';
import { shownLens } from '../lens/shown-lens.ts';
import { Markdown } from '../markdown/markdown.tsx';
import { startRun, withUndo } from '../state/actions.ts';
import type { ChatSession } from '../state/chat-session.ts';
import { isBeingWritten, writtenText, type MessageView } from '../state/message-view.ts';
import { openView } from '../state/overlays.ts';
import { useSelected } from '../state/store.ts';
import { strings } from '../strings.ts';
import { copyWithNotice } from '../ui/copying.ts';
import { download } from '../ui/export-files.ts';
import { IconButton } from '../ui/icon-button.tsx';
import { Menu, type MenuEntry } from '../ui/menu.tsx';
import { attempt } from '../ui/problems.ts';
import { useContinueItems } from './continue-item.tsx';
import { EndNote } from './end-note.tsx';
import { Feedback, FeedbackReason } from './feedback.tsx';
import { BranchSwitch, Figures, PinMark } from './message-footer.tsx';
import type { MessageProps } from './person-message.tsx';
import { RunStatus } from './run-status.tsx';
import { useMessage } from './use-message.ts';

interface ActionsProps {
  session: ChatSession;
  view: MessageView;
  isLast: boolean;
  isRaw: boolean;
  onRaw: () => void;
}

interface ButtonsProps extends ActionsProps {
  onAskReason: (isAsking: boolean) => void;
}

function againWith(session: ChatSession, messageId: string, models: readonly ListedModel[]): MenuEntry {
  const regenerate = (model: string): void =>
    startRun(session, { input: { kind: 'regenerate', messageId }, settings: { model } });
  return {
    label: strings.transcript.regenerateWith,
    icon: <RefreshCw />,
    items: models.map(({ id }) => ({ label: id, onSelect: () => regenerate(id) })),
  };
}

function moreItems(
  { session, view, isRaw, onRaw }: ActionsProps,
  { models, continueItems }: { models: readonly ListedModel[]; continueItems: readonly MenuEntry[] },
): MenuEntry[] {
  const { message } = view;
  // A service elsewhere does not tell the probabilities of a text that is already written.
  const hasTokens =
    message.content !== '' && models.find(({ id }) => id === message.model)?.kind !== 'remote';
  return [
    ...continueItems,
    ...(models.length > 1 ? [againWith(session, message.id, models)] : []),
    {
      label: strings.transcript.compare,
      icon: <Columns2 />,
      onSelect: () => openView({ kind: 'compare', messageId: message.id }),
    },
    ...(hasTokens
      ? [{ label: strings.transcript.lens, icon: <ScanSearch />, onSelect: () => openLens(message.id) }]
      : []),
    {
      label: isRaw ? strings.transcript.rendered : strings.transcript.raw,
      icon: isRaw ? <Text /> : <Code />,
      onSelect: onRaw,
    },
    {
      label: strings.transcript.saveAs,
      icon: <Download />,
      onSelect: () => download(`/api/chats/${message.chatId}/messages/${message.id}/export?format=markdown`),
    },
    {
      label: message.pinned ? strings.transcript.unpin : strings.transcript.pin,
      icon: message.pinned ? <PinOff /> : <Pin />,
      onSelect: () => attempt(() => session.updateMessage(message.id, { pinned: !message.pinned })),
    },
    'line',
    {
      label: strings.transcript.remove,
      icon: <Trash2 />,
      isDangerous: true,
      onSelect: () => withUndo(strings.transcript.removed, () => session.trash(message.id)),
    },
  ];
}

function Actions(props: ButtonsProps) {
  const { session, view, onAskReason } = props;
  const { message } = view;
  const hasFeedback = useSystem().data?.features.feedback ?? false;
  const models = useModels().data?.models ?? [];
  const continueItems = useContinueItems(session, view, props.isLast);
  return (
    <span className="message__actions">
      <IconButton label={strings.transcript.copy} onClick={() => void copyWithNotice(message.content)}>
        <Copy />
      </IconButton>
      <IconButton
        label={strings.transcript.regenerate}
        onClick={() => startRun(session, { input: { kind: 'regenerate', messageId: message.id } })}
      >
        <RefreshCw />
      </IconButton>
      {hasFeedback && <Feedback session={session} message={message} onAskReason={onAskReason} />}
      {message.runId && (
        <IconButton
          label={strings.transcript.receipt}
          onClick={() => openView({ kind: 'receipt', runId: message.runId ?? '', messageId: message.id })}
        >
          <ReceiptText />
        </IconButton>
      )}
      <Menu
        trigger={
          <IconButton label={strings.more}>
            <Ellipsis />
          </IconButton>
        }
        items={() => moreItems(props, { models, continueItems })}
      />
    </span>
  );
}

/** The answer itself: as it is meant to look, or its source. */
function Body({ text, isRaw, isRunning }: { text: string; isRaw: boolean; isRunning: boolean }) {
  if (!isRaw) return <Markdown text={text} isStreaming={isRunning} />;
  return (
    <pre className="source" dir="auto" tabIndex={0}>
      {text}
    </pre>
  );
}

function Foot(props: ActionsProps) {
  const { session, view } = props;
  const messageId = view.message.id;
  const [isAskingReason, setAskingReason] = useState(false);
  return (
    <>
      <EndNote
        view={view}
        onContinue={() => startRun(session, { input: { kind: 'continue', messageId } })}
        onRetry={() => startRun(session, { input: { kind: 'regenerate', messageId } })}
      />
      <footer className="message__footer">
        <BranchSwitch session={session} view={view} />
        <Actions {...props} onAskReason={setAskingReason} />
        <Figures view={view} />
      </footer>
      {isAskingReason && (
        <FeedbackReason session={session} message={view.message} onDone={() => setAskingReason(false)} />
      )}
    </>
  );
}

/** Whether it is being written, whether its first word is still to come, and what there is of it. */
function stateOf({ message, live }: MessageView) {
  const isRunning = isBeingWritten({ message, live });
  return {
    isRunning,
    waiting: isRunning && live?.firstTextAt === null ? live : null,
    text: writtenText({ message, live }),
  };
}

export const AnswerMessage = memo(function AnswerMessage({ session, id, isLast, isUnseen }: MessageProps) {
  const view = useMessage(session, id);
  const [isRaw, setRaw] = useState(false);
  const hasLens = useSelected(shownLens, (shown) => shown === id);
  if (!view) return null;
  const { message } = view;
  const { isRunning, waiting, text } = stateOf(view);
  return (
    <article
      className="message message--answer"
      aria-label={strings.transcript.assistant}
      aria-busy={isRunning || undefined}
      tabIndex={-1}
      data-id={id}
      data-last={isLast || undefined}
      data-unseen={isUnseen || undefined}
      data-state={isRunning ? 'running' : message.state}
    >
      <h2 className="only-read-aloud">{strings.transcript.assistant}</h2>
      {message.pinned && <PinMark />}
      {hasLens && !isRunning ? (
        <Lens session={session} message={message} />
      ) : (
        <Body text={text} isRaw={isRaw} isRunning={isRunning} />
      )}
      {waiting && <RunStatus live={waiting} />}
      {!isRunning && (
        <Foot
          session={session}
          view={view}
          isLast={isLast}
          isRaw={isRaw}
          onRaw={() => setRaw((value) => !value)}
        />
      )}
    </article>
  );
});
