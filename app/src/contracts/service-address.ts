/** Paths are put behind it, and it is shown to people and written to logs: nothing else may stand in it. */
export function isServiceAddress(text: string): boolean {
  if (!/^https?:\/\/[^\s\\]+$/iu.test(text) || !URL.canParse(text)) return false;
  const { protocol, username, password, search, hash } = new URL(text);
  return /^https?:$/u.test(protocol) && username + password + search + hash === '' && !/[?#]/u.test(text);
}

export const serviceAddressWords = 'an http:// or https:// address without name and password, ? and #';
