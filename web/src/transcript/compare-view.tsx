import { useState } from 'react';
import type { StartRun } from '@corral/app/contracts/api/runs';
import { Markdown } from '../markdown/markdown.tsx';
import { makeChat, run, shownSession } from '../state/actions.ts';
import type { ChatSession } from '../state/chat-session.ts';
import { isBeingWritten } from '../state/message-view.ts';
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

interface ColumnProps {
  session: ChatSession;
  messageId: string;
  traits: string;
  onKeep: () => void;
}

function Column({ session, messageId, traits, onKeep }: ColumnProps) {
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
          <EndNote view={view} onContinue={onKeep} onRetry={onKeep} />
          <Figures view={view} />
          <Button onClick={onKeep}>{viewStrings.compare.keep}</Button>
        </>
      )}
    </section>
  );
}

interface Answers {
  session: ChatSession;
  /** Of the message that answers, and how its side differs. */
  columns: { id: string; traits: string }[];
}

async function startBoth(input: StartRun['input'], [left, right]: readonly [Side, Side]): Promise<Answers> {
  const session = shownSession() ?? (await makeChat());
  const started = await run(session, { input, targets: [settingsOf(left), settingsOf(right)] });
  const traits = [traitsOf(left, right), traitsOf(right, left)];
  const columns = started.runs.map(({ messageId: id }, index) => ({ id, traits: traits[index] ?? '' }));
  return { session, columns };
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
  const [text, setText] = useState('');
  const input: StartRun['input'] = messageId
    ? { kind: 'regenerate', messageId }
    : { kind: 'message', content: text };
  return (
    <form
      className="form"
      onSubmit={(event) => {
        event.preventDefault();
        attempt(async () => onStarted(await startBoth(input, [left, right])));
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
            onChange={(event) => setText(event.target.value)}
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
  const keep = (id: string): void =>
    attempt(async () => {
      await answers?.session.switchTo(id);
      onClose();
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
          {answers.columns.map(({ id, traits }) => (
            <Column
              key={id}
              session={answers.session}
              messageId={id}
              traits={traits}
              onKeep={() => keep(id)}
            />
          ))}
        </div>
      ) : (
        <CompareForm messageId={messageId} onStarted={setAnswers} />
      )}
    </Dialog>
  );
}
