import type { ChatSettings } from '@corral/app/contracts/chats';

/** A chat's own settings by the names the server gives them. */
export function ownByName({ sampling = {}, ...rest }: ChatSettings): Map<string, unknown> {
  const named = Object.entries(sampling).map(([name, value]): [string, unknown] => [
    `sampling.${name}`,
    value,
  ]);
  return new Map([...Object.entries(rest), ...named]);
}
