import { commandStrings } from '../strings-commands.ts';
import { viewStrings } from '../strings-views.ts';
import { Dialog } from '../ui/dialog.tsx';
import { shortcuts, shortcutText, type ShortcutName } from './shortcuts.ts';

export function ShortcutTable() {
  return (
    <dl className="shortcut-list">
      {(Object.keys(shortcuts) as ShortcutName[]).map((name) => (
        <div key={name} className="shortcut-list__row">
          <dt>{commandStrings[name]}</dt>
          <dd>
            <kbd>{shortcutText(name)}</kbd>
          </dd>
        </div>
      ))}
    </dl>
  );
}

export function ShortcutList({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title={viewStrings.palette.shortcuts} onClose={onClose}>
      <ShortcutTable />
    </Dialog>
  );
}
