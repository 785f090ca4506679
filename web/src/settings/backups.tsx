import { useState } from 'react';
import { useQuery } from '@tanstack/react-query';
import { systemApi } from '../api/resources.ts';
import { strings } from '../strings.ts';
import { viewStrings } from '../strings-views.ts';
import { Button } from '../ui/button.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { FileButton } from '../ui/file-button.tsx';
import { attempt } from '../ui/problems.ts';
import { showToast } from '../ui/toasts.tsx';
import { bytes, exactTime } from '../ui/times.ts';

const words = viewStrings.backup;

/** Puts it in place of everything; what was there is one press away, and in the list afterwards. */
function restore(backup: string | File): void {
  attempt(async () => {
    const { previous } = await systemApi.restore(backup);
    showToast({
      text: words.restored,
      action: { label: words.backToBefore, run: () => restore(previous) },
    });
  });
}

/** What a backup holds, and what restoring it means; only then the question. */
function RestoreDialog({ backup, onClose }: { backup: string | File; onClose: () => void }) {
  const name = typeof backup === 'string' ? backup : backup.name;
  const { data, error } = useQuery({
    queryKey: ['backup', name, typeof backup === 'string' ? 0 : backup.lastModified],
    queryFn: () => systemApi.contents(backup),
    retry: false,
    gcTime: 0,
  });
  return (
    <Dialog title={words.restoreTitle} description={name} onClose={onClose}>
      {error ? (
        <p role="alert" className="problem">
          {error.message}
        </p>
      ) : data ? (
        <p role="status">{words.holds(data.chats, data.messages, data.newestAt)}</p>
      ) : (
        <div className="woven woven--moving" role="progressbar" aria-label={strings.loading} />
      )}
      <p className="soft">{words.restoreWhy}</p>
      <div className="card__row">
        <Button kind="quiet" onClick={onClose}>
          {strings.cancel}
        </Button>
        <Button
          kind="danger"
          disabled={!data}
          onClick={() => {
            onClose();
            restore(backup);
          }}
        >
          {words.restore}
        </Button>
      </div>
    </Dialog>
  );
}

const shownAtFirst = 8;

function BackupList({ onChoose }: { onChoose: (name: string) => void }) {
  const [isWhole, setWhole] = useState(false);
  const backups = useQuery({ queryKey: ['backups'], queryFn: systemApi.backups }).data?.backups ?? [];
  const shown = isWhole ? backups : backups.slice(0, shownAtFirst);
  return (
    <>
      <ul className="picks">
        {shown.map(({ name, createdAt, sizeBytes }) => (
          <li key={name} className="pick">
            <div className="pick__text">
              <span className="pick__title figures">{exactTime(createdAt)}</span>
              <span className="small soft figures" data-tip={name}>
                {words.reason(name)}, {bytes(sizeBytes)}
              </span>
            </div>
            <Button aria-label={words.restoreOne(exactTime(createdAt))} onClick={() => onChoose(name)}>
              {words.restore}
            </Button>
          </li>
        ))}
      </ul>
      {shown.length < backups.length && (
        <Button kind="quiet" onClick={() => setWhole(true)}>
          {words.older(backups.length - shown.length)}
        </Button>
      )}
    </>
  );
}

/** Backups that the server keeps and makes, and the way back to one of them or to a file. */
export function Backups() {
  const [chosen, setChosen] = useState<string | File | null>(null);
  const { refetch } = useQuery({ queryKey: ['backups'], queryFn: systemApi.backups });
  const backUp = (): void =>
    attempt(async () => {
      await systemApi.backup();
      await refetch();
      showToast({ text: words.done });
    });
  return (
    <div className="view__section">
      <h3>{words.title}</h3>
      <p className="soft">{words.why}</p>
      <div className="card__row">
        <Button onClick={backUp}>{words.now}</Button>
        <FileButton label={words.fromFile} accept=".db,.gz" onChoose={setChosen} />
      </div>
      <BackupList onChoose={setChosen} />
      {chosen && <RestoreDialog backup={chosen} onClose={() => setChosen(null)} />}
    </div>
  );
}
