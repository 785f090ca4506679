// Code between two lines of backticks or tildes, of which the second may be still on its way.

export interface Fence {
  marker: string;
  length: number;
  start: number;
  headEnd: number;
}

export interface OpenFence {
  language: string;
  code: string;
}

/** The fence that a line opens, of which the first character has this offset; null where it opens none. */
export function fenceAt(line: string, start: number): Fence | null {
  const [, marker = '', rest = ''] = /^ {0,3}(`{3,}|~{3,})(.*)$/.exec(line) ?? [];
  if (marker === '' || (marker.startsWith('`') && rest.includes('`'))) return null;
  return { marker: marker.charAt(0), length: marker.length, start, headEnd: start + line.length };
}

export function closesFence(line: string, fence: Fence): boolean {
  const marker = /^ {0,3}(`{3,}|~{3,})\s*$/.exec(line)?.[1];
  return marker?.[0] === fence.marker && marker.length >= fence.length;
}

/** What is in a fence that nothing has closed yet. */
export function openFence(text: string, fence: Fence): OpenFence {
  const head = text.slice(fence.start, fence.headEnd).trim();
  const [language = ''] = head
    .replace(/^[`~]+/, '')
    .trim()
    .split(/\s+/);
  let code = text.slice(fence.headEnd + 1);
  // The closing fence on its way is not shown as code.
  const tail = code.slice(code.lastIndexOf('\n') + 1);
  if (/^ {0,3}[`~]+$/.test(tail) && tail.includes(fence.marker)) code = code.slice(0, -tail.length);
  return { language, code: code.replace(/\n$/, '') };
}
