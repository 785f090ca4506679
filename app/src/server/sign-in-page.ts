import { maxAccessKeyLength } from '../contracts/key-text.ts';
import { ownPageStyle } from './own-page-style.ts';

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}

const style = `${ownPageStyle}
body { min-height: 100vh; display: grid; place-items: center; }
main { width: min(360px, calc(100vw - 32px)); display: grid; gap: 16px; }
h1 { margin: 0; font-size: 26px; font-weight: 600; }
p { margin: 0; color: var(--ink-soft); }
form { display: grid; gap: 12px; }
label { font-weight: 600; }
button { background: var(--accent); color: var(--accent-ink); border-color: transparent; font-weight: 600; cursor: pointer; }
[role=alert] { color: var(--bad); min-height: 1.5em; }
`;

const script = `
const form = document.querySelector('form'), field = document.querySelector('input'),
  button = document.querySelector('button'), note = document.querySelector('[role=alert]');
form.addEventListener('submit', async (event) => {
  event.preventDefault();
  button.disabled = true;
  note.textContent = '';
  try {
    const answer = await fetch('/api/session', { method: 'POST',
      headers: { 'content-type': 'application/json' }, body: JSON.stringify({ key: field.value }) });
    if (answer.ok) return location.reload();
    const { error } = await answer.json();
    note.textContent = error.message + '. ' + (error.hint ?? '');
  } catch {
    note.textContent = 'The server cannot be reached. Check that it is running.';
  }
  button.disabled = false;
  field.select();
});
// Whoever is signed in and comes by a link of another site comes without the cookie; asked from here, it is sent. Once,
// so that no page is loaded for ever.
fetch('/api/session').then((answer) => {
  if (!answer.ok || Date.now() - Number(sessionStorage.getItem('came-in')) < 10_000) return;
  sessionStorage.setItem('came-in', String(Date.now()));
  location.reload();
}).catch(() => undefined);
`;

/** The page that asks for the access key; it needs no file and works before anything else does. */
export function signInPage(title: string, nonce: string): string {
  const name = escape(title);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Sign in · ${name}</title><style nonce="${nonce}">${style}</style></head>
<body><main><h1>${name}</h1><p>This server asks for its access key: the value of CORRAL_ACCESS_KEY.</p>
<form><label for="key">Access key</label>
<input id="key" type="password" autocomplete="current-password" required autofocus maxlength="${maxAccessKeyLength}">
<button>Sign in</button><div role="alert"></div></form>
<noscript><p>Signing in needs JavaScript.</p></noscript></main>
<script nonce="${nonce}">${script}</script></body></html>
`;
}
