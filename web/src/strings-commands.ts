import type { ShortcutName } from './palette/shortcuts.ts';

/** What a shortcut does, as the palette and the list of shortcuts say it. */
export const commandStrings = {
  newChat: 'New chat',
  palette: 'Search and commands',
  shortcuts: 'Keyboard shortcuts',
  focus: 'Go to the message field',
  sidebar: 'Show or hide the chats',
  panel: 'Show or hide the settings of this chat',
  copyAnswer: 'Copy the last answer',
  copyCode: 'Copy the last code block',
  clear: 'Clear the conversation',
  remove: 'Delete the chat',
  model: 'Choose a model',
  settings: 'Settings',
  find: 'Find in this chat',
  lastMessage: 'Go to the last message',
  stop: 'Stop the answer',
} as const satisfies Record<ShortcutName, string>;
