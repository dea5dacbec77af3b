/**
 * The first line of a conversation whose session does not exist yet: with what it would begin.
 *
 * What must stay true: it starts nothing, and settings that can't be read are left to the first prompt,
 * which says what is wrong with them.
 */
import { loadSettings } from '../../../config/load.js';
import type { Caller } from '../daemon/session-calls.js';
import { oneLine } from '../render/plain-text.js';

export const greeting = async ({
  options,
  project,
  configFile,
  env,
}: Pick<Caller, 'options' | 'project' | 'configFile' | 'env'>): Promise<string> => {
  const { model, permissionMode, maxTurns } = options;
  const flags = { model, permissionMode, maxTurns };
  const loaded = await loadSettings({ env, project, configFile, flags }).catch(() => null);
  const known = loaded?.settings;
  const parts = [
    'new session',
    known?.model ?? null,
    known === undefined ? null : `mode ${known.permissionMode}`,
    '/help lists the keys',
    project,
  ];
  return `${oneLine(parts.filter((part) => part !== null).join(' · '))}\n`;
};
