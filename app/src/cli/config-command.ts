import { maskedAddress } from '../config/forms.ts';
import { type SettingName, settingNames, settings } from '../config/settings.ts';
import type { Config } from '../config/config.ts';
import type { Command } from './command.ts';

/** A secret shows that it is there, and nothing of it. */
function shownValue(config: Config, name: SettingName): string {
  const value = config[name];
  if (settings[name].isSecret) return value === '' ? '' : '••••••••';
  const { mask } = settings[name].form;
  return Array.isArray(value) ? value.join(',') : (mask ?? String)(String(value));
}

export const configCommand: Command = {
  name: 'config',
  about:
    'Print every setting, the value that a start from here has and where it came from; secrets are masked. A server that runs keeps what it was started with.',
  settings: 'all',
  run({ config, output }) {
    const rows = settingNames.map((name) => ({
      setting: settings[name].env,
      value: shownValue(config, name),
      source: config.sources[name],
    }));
    const providers = config.providers.map(({ name, kind, url, key }) => ({
      name,
      kind,
      url: maskedAddress(url),
      hasKey: key !== '',
    }));
    output.table(
      rows.map((row) => [row.setting, row.value, row.source]),
      ['setting', 'value', 'from'],
    );
    for (const provider of providers) {
      output.line(
        `provider ${provider.name}: ${provider.kind} at ${provider.url}${provider.hasKey ? ', with a key' : ''}`,
      );
    }
    output.json({ settings: rows, providers });
    return Promise.resolve();
  },
};
