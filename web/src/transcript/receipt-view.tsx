import { useState, type ReactNode } from 'react';
import { useMutation, useQuery } from '@tanstack/react-query';
import type { Receipt } from '@corral/app/contracts/runs';
import { runsApi } from '../api/chats.ts';
import { strings } from '../strings.ts';
import { panelStrings } from '../strings-panel.ts';
import { viewStrings } from '../strings-views.ts';
import { Button } from '../ui/button.tsx';
import { copyWithNotice } from '../ui/copying.ts';
import { Dialog } from '../ui/dialog.tsx';
import { SpeedChart } from './speed-chart.tsx';

function Row({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div className="facts__row">
      <dt className="soft">{label}</dt>
      <dd className="figures">{children}</dd>
    </div>
  );
}

function settingText([name, value]: [string, unknown]): string {
  return `${name} ${typeof value === 'string' ? value : JSON.stringify(value)}`;
}

/** How much the model could look at, and what was kept from it. */
function contextText({ plan }: Receipt): string {
  const words = viewStrings.receipt;
  const parts = [
    words.contextTokens(plan.contextTokens),
    plan.rememberExchanges === null ? '' : words.remembered(plan.rememberExchanges),
    plan.droppedMessageIds.length === 0 ? '' : words.leftOut(plan.droppedMessageIds.length),
  ];
  return parts.filter((part) => part !== '').join(', ');
}

function Figures({ receipt: { usage, timings } }: { receipt: Receipt }) {
  const words = viewStrings.receipt;
  return (
    <>
      {usage && (
        <>
          <Row label={words.promptTokens}>
            {strings.number(usage.promptTokens)}, {words.cached} {strings.number(usage.cachedTokens)}
          </Row>
          <Row label={words.newTokens}>{strings.number(usage.completionTokens)}</Row>
        </>
      )}
      {timings && (
        <>
          <Row label={words.speed}>
            {strings.tokensPerSecond(timings.tokensPerSecond)}
            <SpeedChart timings={timings} />
          </Row>
          <Row label={words.firstToken}>{strings.seconds(timings.firstTokenMs)}</Row>
        </>
      )}
    </>
  );
}

function Facts({ receipt }: { receipt: Receipt }) {
  const words = viewStrings.receipt;
  return (
    <dl className="facts">
      <Row label={words.model}>{receipt.model.reference}</Row>
      {receipt.adapters.map((adapter) => (
        <Row key={adapter.id} label={panelStrings.adapters}>
          {adapter.id} × {strings.exact(adapter.scale)}
        </Row>
      ))}
      <Row label={words.engine}>
        {receipt.engineRelease}, {receipt.device}
      </Row>
      <Row label={words.stop}>
        {words.ends[receipt.endReason]}
        {receipt.stopString !== null && <code className="facts__code"> {receipt.stopString}</code>}
      </Row>
      <Figures receipt={receipt} />
      <Row label={words.template}>
        {receipt.template.name} ({receipt.template.source})
      </Row>
      <Row label={words.context}>{contextText(receipt)}</Row>
      <Row label={words.settings}>{Object.entries(receipt.sampling).map(settingText).join(', ')}</Row>
      {receipt.ignoredSampling.length > 0 && (
        <Row label={panelStrings.ignored}>{receipt.ignoredSampling.join(', ')}</Row>
      )}
      {receipt.resumedAt.length > 0 && (
        <Row label={words.resumed}>
          {receipt.resumedAt.map((offset) => strings.number(offset)).join(', ')}
        </Row>
      )}
      {receipt.model.sha256 && (
        <Row label={words.hash}>
          <code className="facts__code">{receipt.model.sha256}</code>
        </Row>
      )}
      {receipt.promptIdsHash && (
        <Row label={words.promptHash}>
          <code className="facts__code">{receipt.promptIdsHash}</code>
        </Row>
      )}
    </dl>
  );
}

function Prompt({ runId }: { runId: string }) {
  const { data, error } = useQuery({ queryKey: ['prompt', runId], queryFn: () => runsApi.prompt(runId) });
  if (error) return <p className="problem">{error.message}</p>;
  return (
    <pre className="source" dir="auto" tabIndex={0}>
      {data?.text ?? strings.loading}
    </pre>
  );
}

/** The receipt's settings once more: the same text, or where it first differs. */
function Replay({ runId }: { runId: string }) {
  const replay = useMutation({ mutationFn: () => runsApi.replay(runId) });
  const { data, error, isPending } = replay;
  const at = data?.firstDifference ?? 0;
  return (
    <section className="replay">
      <Button disabled={isPending} onClick={() => replay.mutate()}>
        {isPending ? viewStrings.receipt.replaying : viewStrings.receipt.replay}
      </Button>
      {isPending && <div className="woven woven--moving" />}
      {error && (
        <p role="alert" className="problem">
          {error.message}
        </p>
      )}
      {data && (
        <div role="status">
          <p>{data.identical ? viewStrings.receipt.replaySame : viewStrings.receipt.replayDiffers}</p>
          {!data.identical && (
            <div className="replay__pair">
              {(['original', 'text'] as const).map((side) => (
                <div key={side}>
                  <h3>
                    {side === 'original' ? viewStrings.receipt.replayWas : viewStrings.receipt.replayIs}
                  </h3>
                  <p className="plain">
                    {data[side].slice(0, at)}
                    <mark>{data[side].slice(at)}</mark>
                  </p>
                </div>
              ))}
            </div>
          )}
        </div>
      )}
    </section>
  );
}

export function ReceiptView({ runId, onClose }: { runId: string; onClose: () => void }) {
  const { data, error } = useQuery({ queryKey: ['receipt', runId], queryFn: () => runsApi.receipt(runId) });
  const [isPromptOpen, setPromptOpen] = useState(false);
  return (
    <Dialog title={viewStrings.receipt.title} kind="sheet" onClose={onClose}>
      {error && <p className="problem">{error.message}</p>}
      {!data && !error && <div className="woven woven--moving" />}
      {data && (
        <div className="receipt">
          <Facts receipt={data} />
          <div className="card__row">
            <Button onClick={() => void copyWithNotice(JSON.stringify(data, null, 2))}>
              {viewStrings.receipt.copy}
            </Button>
            <Button aria-expanded={isPromptOpen} onClick={() => setPromptOpen(!isPromptOpen)}>
              {viewStrings.receipt.prompt}
            </Button>
          </div>
          {isPromptOpen && <Prompt runId={runId} />}
          <Replay runId={runId} />
        </div>
      )}
    </Dialog>
  );
}
