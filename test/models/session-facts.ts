/**
 * A session's facts as activities see them, with everything left out that a test does not care about.
 */
import type { SessionFacts } from '../../activities/sessions.js';
import { DEFAULT_LIMITS } from '../../config/defaults.js';
import type { Limits, SessionSecrets } from '../../config/settings.js';

export const sessionFacts = (change: {
  readonly project: string;
  readonly model?: string;
  readonly toolEnv?: Readonly<Record<string, string>>;
  readonly providers?: SessionSecrets['providers'];
  readonly limits?: Partial<Limits>;
}): SessionFacts => ({
  sessionId: '11111111-2222-4333-8444-555555555555',
  project: change.project,
  model: change.model ?? 'mock/one',
  baseCommit: null,
  secrets: {
    version: 1,
    providers: change.providers ?? {},
    toolEnv: change.toolEnv ?? {},
    umask: 0o022,
    limits: { ...DEFAULT_LIMITS, ...change.limits },
    coAuthor: '',
  },
});
