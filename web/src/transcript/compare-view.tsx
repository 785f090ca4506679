import { useState } from 'react';
import type { StartRun } from '@corral/app/contracts/api/runs';
import type { ChatSettings } from '@corral/app/contracts/chats';
import { Markdown } from '../markdown/markdown.tsx';
import { makeChat, run, shownSession, startRun } from '../state/actions.ts';
import type { ChatSession } from '../state/chat-session.ts';
import { wantEnd } from '../state/end-wanted.ts';
import { isBeingWritten } from '../state/message-view.ts';
import { messageToBoth } from '../state/overlays.ts';
import { useStore } from '../state/store.ts';
import { useAnsweringModel } from '../state/use-settings.ts';
import { viewStrings } from '../strings-views.ts';
import { Button } from '../ui/button.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { modelName } from '../ui/model-name.ts';
import { attempt } from '../ui/problems.ts';
import { SideForm, settingsOf, traitsOf, type Side } from './compare-side.tsx';
import { EndNote } from './end-note.tsx';
import { Figures } from './message-footer.tsx';
import { RunStatus } from './run-status.tsx';
import { useMessage } from './use-message.ts';

interface Answer {
  messageId: string;
  /** With what its side answers, and goes on. */
  settings: ChatSettings;
  /** How its side differs. */
  traits: string;
}

interface ColumnProps {
  session: ChatSession;
  answer: Answer;
  onRetry: () => void;
  onKeep: () => void;
}

function Column({ session, answer: { messageId, settings, traits }, onRetry, onKeep }: ColumnProps) {
  const view = useMessage(session, messageId);
  if (!view) return null;
  const name = modelName(view.message.model ?? '');
  const isRunning = isBeingWritten(view);
  const text = isRunning && view.live ? view.live.text : view.message.content;
  return (
    <section
      className="compare__column"
      aria-label={[name, traits].filter((part) => part !== '').join(', ')}
      aria-busy={isRunning}
    >
      <header>
        <h3 className="truncate">{name}</h3>
        <span className="small soft figures">{traits}</span>
      </header>
      <div className="compare__text">
        <Markdown text={text} isStreaming={isRunning} />
        {isRunning && view.live?.firstTextAt === null && <RunStatus live={view.live} />}
      </div>
      {!isRunning && (
        <>
          <EndNote
            view={view}
            failureRole="alert"
            onContinue={() => startRun(session, { input: { kind: 'continue', messageId }, settings })}
            onRetry={onRetry}
          />
          <Figures view={view} />
          <Button onClick={onKeep}>{viewStrings.compare.keep}</Button>
        </>
      )}
    </section>
  );
}

interface Answers {
  session: ChatSession;
  /** Left and right. */
  columns: Answer[];
}

async function startBoth(input: StartRun['input'], [left, right]: readonly [Side, Side]): Promise<Answers> {
  const session = shownSession() ?? (await makeChat());
  const sides = [
    { settings: settingsOf(left), traits: traitsOf(left, right) },
    { settings: settingsOf(right), traits: traitsOf(right, left) },
  ];
  wantEnd();
  const { runs } = await run(session, { input, targets: sides.map(({ settings }) => settings) });
  const columns = sides.map((side, index) => ({ ...side, messageId: runs[index]?.messageId ?? '' }));
  return { session, columns };
}

/** Another answer in the place of one that failed before its first word. */
async function answerAgain(session: ChatSession, failed: Answer): Promise<Answer> {
  const { messageId, settings } = failed;
  const started = await run(session, { input: { kind: 'regenerate', messageId }, settings });
  return { ...failed, messageId: started.messageId };
}

function withColumn(answers: Answers, before: Answer, after: Answer): Answers {
  return { ...answers, columns: answers.columns.map((column) => (column === before ? after : column)) };
}

interface FormProps {
  /** Given: another two answers beside this one; absent: a new message is asked for. */
  messageId: string | undefined;
  onStarted: (answers: Answers) => void;
}

function CompareForm({ messageId, onStarted }: FormProps) {
  const model = useAnsweringModel() ?? 'cria';
  const [left, setLeft] = useState<Side>({ model, temperature: 0.7, adapter: '', preset: null });
  const [right, setRight] = useState<Side>({ model, temperature: 0, adapter: '', preset: null });
  const [isStarting, setStarting] = useState(false);
  const text = useStore(messageToBoth);
  const input: StartRun['input'] = messageId
    ? { kind: 'regenerate', messageId }
    : { kind: 'message', content: text };
  return (
    <form
      className="form"
      onSubmit={(event) => {
        event.preventDefault();
        if (isStarting) return;
        attempt(async () => {
          setStarting(true);
          const answers = await startBoth(input, [left, right]).finally(() => setStarting(false));
          // What was written meanwhile is another message.
          if (!messageId) messageToBoth.set((now) => (now === text ? '' : now));
          onStarted(answers);
        });
      }}
    >
      <div className="compare">
        <SideForm label={viewStrings.compare.left} side={left} onChange={setLeft} />
        <SideForm label={viewStrings.compare.right} side={right} onChange={setRight} />
      </div>
      {!messageId && (
        <label className="form__field">
          {viewStrings.compare.message}
          <textarea
            className="field"
            rows={3}
            dir="auto"
            required
            value={text}
            onChange={(event) => messageToBoth.set(event.target.value)}
          />
        </label>
      )}
      <div className="card__row">
        <Button kind="primary" type="submit">
          {viewStrings.compare.start}
        </Button>
      </div>
    </form>
  );
}

/** One message, two models, adapters or settings, answered together; one of them is kept as the shown branch. */
export function CompareView({ messageId, onClose }: { messageId: string | undefined; onClose: () => void }) {
  const [answers, setAnswers] = useState<Answers | null>(null);
  const keep = ({ session }: Answers, { messageId: id }: Answer): void =>
    attempt(async () => {
      wantEnd();
      await session.switchTo(id);
      onClose();
    });
  const retry = ({ session }: Answers, failed: Answer): void =>
    attempt(async () => {
      const again = await answerAgain(session, failed);
      // The other side may have got another answer meanwhile.
      setAnswers((all) => all && withColumn(all, failed, again));
    });
  return (
    <Dialog
      title={viewStrings.compare.title}
      description={viewStrings.compare.why}
      kind="wide"
      onClose={onClose}
    >
      {answers ? (
        <div className="compare">
          {answers.columns.map((answer) => (
            <Column
              key={answer.messageId}
              session={answers.session}
              answer={answer}
              onRetry={() => retry(answers, answer)}
              onKeep={() => keep(answers, answer)}
            />
          ))}
        </div>
      ) : (
        <CompareForm messageId={messageId} onStarted={setAnswers} />
      )}
    </Dialog>
  );
}
