import { useState } from 'react';
import type { ImportResult } from '@corral/app/contracts/api/transfer';
import { chatsApi } from '../api/chats.ts';
import { invalidate, keys } from '../api/queries.ts';
import { importFile } from '../api/resources.ts';
import { startNewChat } from '../state/actions.ts';
import { goTo } from '../state/route.ts';
import { openSessions, forgetSession } from '../state/sessions.ts';
import { strings } from '../strings.ts';
import { viewStrings } from '../strings-views.ts';
import { Button } from '../ui/button.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { exportItems } from '../ui/export-files.ts';
import { FileButton } from '../ui/file-button.tsx';
import { attempt } from '../ui/problems.ts';
import { showToast } from '../ui/toasts.tsx';
import { bytes } from '../ui/times.ts';
import { Backups } from './backups.tsx';

const words = viewStrings.settings;
/** The server takes no larger one. */
const maxImportBytes = 128 * 1024 * 1024;

/** What of the file did not become a chat. */
function hintOf({ passedOver, skipped }: ImportResult): string {
  const parts = [
    passedOver > 0 ? words.passedOver(passedOver) : '',
    skipped[0] ? words.skipped(skipped.length, skipped[0].reason) : '',
  ];
  return parts.filter((part) => part !== '').join(' ');
}

function Import() {
  const take = (file: File): void =>
    attempt(async () => {
      if (file.size > maxImportBytes) throw new Error(words.importTooLarge(bytes(maxImportBytes)));
      const result = await importFile(file);
      invalidate(keys.chats);
      const [chatId] = result.chatIds;
      const hint = hintOf(result);
      showToast({
        text: words.imported(result.chats),
        ...(hint === '' ? {} : { hint }),
        ...(chatId === undefined
          ? {}
          : { action: { label: words.openImported, run: () => goTo({ view: 'chat', chatId }) } }),
      });
    });
  return (
    <div className="view__section">
      <p className="soft">{words.importNote}</p>
      <FileButton label={words.importChats} accept=".json,application/json" onChoose={take} />
    </div>
  );
}

function Export() {
  return (
    <div className="view__section">
      <h3>{words.exportAll}</h3>
      <p className="soft">{words.exportNote}</p>
      <div className="card__row">
        {exportItems('/api/export').map(({ label, onSelect }) => (
          <Button key={label} onClick={onSelect}>
            {label}
          </Button>
        ))}
      </div>
    </div>
  );
}

function EraseDialog({ onClose }: { onClose: () => void }) {
  const erase = (): void => {
    onClose();
    attempt(async () => {
      const { chats } = await chatsApi.eraseAll();
      for (const session of openSessions()) forgetSession(session.id);
      invalidate(keys.chats, keys.trash);
      startNewChat();
      showToast({ text: words.erased(chats) });
    });
  };
  return (
    <Dialog title={words.eraseTitle} description={words.eraseWhy} onClose={onClose}>
      <div className="card__row">
        <Button kind="quiet" onClick={onClose}>
          {strings.cancel}
        </Button>
        <Button kind="danger" onClick={erase}>
          {words.erase}
        </Button>
      </div>
    </Dialog>
  );
}

export function Data() {
  const [isErasing, setErasing] = useState(false);
  return (
    <>
      <Import />
      <Export />
      <Backups />
      <div className="view__section">
        <h3>{words.erase}</h3>
        <p className="soft">{words.eraseNote}</p>
        <Button kind="danger" onClick={() => setErasing(true)}>
          {words.erase}
        </Button>
      </div>
      {isErasing && <EraseDialog onClose={() => setErasing(false)} />}
    </>
  );
}
