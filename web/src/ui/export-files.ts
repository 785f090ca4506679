import type { ExportFormat } from '@corral/app/contracts/api/transfer';
import { strings } from '../strings.ts';
import type { MenuItem } from './menu.tsx';

/** The browser saves what the server sends under the name that it gives. */
export function download(address: string): void {
  const link = document.createElement('a');
  link.href = address;
  link.download = '';
  link.click();
}

const formats = Object.keys(strings.sidebar.exportFormats) as ExportFormat[];

/** One way out for each format; `path` is what is exported. */
export function exportItems(path: string): (MenuItem & { onSelect: () => void })[] {
  return formats.map((format) => ({
    label: strings.sidebar.exportFormats[format],
    onSelect: () => download(`${path}?format=${format}`),
  }));
}
