/** Paths are put behind it, and it is shown to people and written to logs: nothing else may stand in it. */
export function isServiceAddress(text: string): boolean {
  if (!/^https?:\/\/[^\s\\?#]+$/iu.test(text) || !URL.canParse(text)) return false;
  const { username, password } = new URL(text);
  return username + password === '';
}

export const serviceAddressWords = 'an http:// or https:// address without name and password, ? and #';
